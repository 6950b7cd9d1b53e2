"""Fixtures of the system tests. Every relay a test starts is stopped, and checked, at its end."""
import signal

import pytest

from harness import cli, npm
from harness.accounts import Accounts
from harness.admin import Api
from harness.agent import Agent
from harness.relay import Relay
from harness.service import Adit, Service


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "covers(*ids): the rows of the requirements that this test would fail without")
    config.addinivalue_line("markers", "tsan: worth running against a ThreadSanitizer build")
    config.addinivalue_line("markers", "soak: takes minutes; only with -m soak")
    # Whoever starts us in the background may have these ignored, and what we start inherits that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


class Starter:
    """Starts relays; ends those that still run, and fails the test if one does not end well."""

    def __init__(self):
        self.relays = []

    def __call__(self, *flags, **how):
        relay = Relay(*flags, **how)
        self.relays.append(relay)
        return relay

    def finish(self):
        failures = []
        for relay in reversed(self.relays):
            try:
                if not relay.process.stdout.closed:
                    relay.stop()
            except AssertionError as failure:
                failures.append(str(failure))
            finally:
                relay.kill()
                relay.remove()
        if failures:
            pytest.fail("\n".join(failures))


class Agents:
    """Makes agents and closes them; an agent that was given bad HTTP fails the test."""

    def __init__(self):
        self.agents = []

    def __call__(self, relay, name=None, **how):
        agent = Agent(relay, name, **how)
        self.agents.append(agent)
        return agent

    def finish(self):
        for agent in self.agents:
            agent.close()


@pytest.fixture
def start():
    """start(*flags, env=..., files=..., ...) -> Relay."""
    starter = Starter()
    yield starter
    starter.finish()


@pytest.fixture
def relay(start):
    """A relay of this test's own, as it comes, for the domain lt.test."""
    return start()


@pytest.fixture
def state(tmp_path):
    """A folder for --state-dir."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def book(tmp_path):
    """Accounts, keys and names that are there before the relay starts with book.flags."""
    return Accounts(tmp_path)


@pytest.fixture
def operator(relay, state):
    """The API of the test's relay, which has its state there, as the operator has it."""
    return Api(relay, state)


@pytest.fixture(scope="module")
def start_shared():
    """As start, for relays that live as long as the module's tests."""
    starter = Starter()
    yield starter
    starter.finish()


@pytest.fixture(scope="module")
def shared_relay(start_shared):
    """A relay for the whole module: for tests that leave nothing behind but a name of their own."""
    return start_shared()


@pytest.fixture
def agent(start):
    """agent(relay, name, ...) -> Agent. Closed before the test's relays are."""
    agents = Agents()
    yield agents
    agents.finish()


@pytest.fixture
def node():
    """node(maker, ...) -> a process of harness.npm, ended with the test."""
    if not npm.available():
        pytest.skip("node and npm are not installed")
    running = []

    def begin(maker, *args, **how):
        process = maker(*args, **how)
        running.append(process)
        return process
    yield begin
    for process in running:
        process.kill()


@pytest.fixture
def services():
    """services(handle, ...) -> Service behind adit, closed with the test."""
    running = []

    def begin(*args, **how):
        running.append(Service(*args, **how))
        return running[-1]
    yield begin
    for service in running:
        service.close()


@pytest.fixture
def adits(start, services):
    """adits(relay, "http", target, ...) -> Adit. Each is ended with the test, and must end well."""
    running = []

    def begin(*args, **how):
        running.append(Adit(*args, **how))
        return running[-1]
    yield begin
    failures = []
    for agent in running:
        try:
            agent.finish()
        except AssertionError as failure:
            failures.append(str(failure))
        finally:
            agent.kill()
    if failures:
        pytest.fail("\n".join(failures))


@pytest.fixture
def home(tmp_path):
    """A home folder with nothing in it."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def launch(home):
    """launch(*words, **env) -> a running adit whose output is a file."""
    running = []

    def begin(*words, **env):
        running.append(cli.Adit(home, *words, **env))
        return running[-1]
    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()
        one.out.close()


@pytest.fixture
def terminal(home):
    """terminal(*words, **env) -> a running adit on a terminal."""
    running = []

    def begin(*words, **env):
        running.append(cli.Terminal(home, *words, **env))
        return running[-1]
    yield begin
    for one in running:
        one.close()
