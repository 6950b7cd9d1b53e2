# The relay, configured by LT_ variables; secrets as files (FILE_LT_HMAC_SECRET). It runs as an
# ordinary user: container engines let one bind ports 80 and 443, elsewhere set LT_PORT and
# LT_TLS_PORT. The agent is in it as well: docker run --entrypoint adit IMAGE http host:3000.
FROM debian:12-slim AS build
COPY . /src
RUN /src/dev build --release

FROM debian:12-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates libjansson4 libpq5 libpsl5 libsqlite3-0 libssl3 libuv1 libwslay1 libyaml-0-2 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --shell /usr/sbin/nologin adit
COPY --from=build /src/build/release/aditd /src/build/release/adit /usr/local/bin/
COPY --from=build /src/contrib/healthcheck /usr/local/bin/healthcheck
USER adit
WORKDIR /
EXPOSE 80 443
HEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD ["healthcheck"]
ENTRYPOINT ["aditd"]
