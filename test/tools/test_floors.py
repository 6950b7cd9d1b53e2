"""tools/floors.py: a good tree passes, and each rule fails on a small tree that breaks it."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "floors.py"
# A good tree: two files in base, one in crypto, one in io, a main.c, and their mirrored tests.
GOOD = {
    "src/base/meson.build": "base_lib = static_library('base',\n    'low.c', # first\n    'high.c')\n",
    "src/base/low.h": "int low_get(void);\n",
    "src/base/low.c": '#include "base/low.h"\n\nint low_get(void)\n{\n\treturn 1;\n}\n',
    "src/base/high.h": '#include "base/low.h"\n\nint high_get(void);\n',
    "src/base/high.c":
        '#include "base/high.h"\n\nint high_get(void)\n{\n\treturn low_get();\n}\n',
    "src/crypto/meson.build": "crypto_lib = static_library('crypto', 'seal.c')\n",
    "src/crypto/seal.h": "int seal_make(void);\n",
    "src/crypto/seal.c": '#include "crypto/seal.h"\n\n#include "base/high.h"\n\n'
        "int seal_make(void)\n{\n\treturn high_get();\n}\n",
    "src/io/meson.build": "io_lib = static_library('io', 'loop.c')\n",
    "src/io/loop.h": "int loop_run(void);\n",
    "src/io/loop.c": '#include "io/loop.h"\n\nint loop_run(void)\n{\n\treturn 0;\n}\n',
    "src/relay/meson.build": "relay_main = files('main.c')\n",
    "src/relay/main.c": '#include "crypto/seal.h"\n#include "io/loop.h"\n\n'
        "int main(void)\n{\n\treturn seal_make() + loop_run();\n}\n",
    "test/unit/base/test_low.c": "",
    "test/unit/base/test_high.c": "",
    "test/unit/crypto/test_seal.c": "",
}
BODY = "{\n\treturn 0;\n}\n"


def check(root, changes, build=True):
    """Writes the good tree with changes (None removes a file), compiles it, runs the tool."""
    files = {name: text for name, text in {**GOOD, **changes}.items() if text is not None}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in files if build else ():
        if name.startswith("src/") and name.endswith(".c"):
            source = root / name
            room = source.parent.name
            target = root / "build/asan/src" / room / f"lib{room}.a.p" / f"{source.name}.o"
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cc", "-w", "-c", "-DPRINTF_LIKE(a, b)=", f"-I{root}/src",
                            f"-I{root}/fake", str(source), "-o", str(target)], check=True)
    run = subprocess.run([sys.executable, str(TOOL), "--root", str(root)], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return run.returncode, run.stdout, run.stderr


def fails_with(result, *expected):
    """The run failed with exactly these problems, given as beginnings of lines."""
    code, out, err = result
    lines = out.splitlines()
    assert code == 1, out + err
    assert len(lines) == len(expected), out + err
    for begin in expected:
        assert any(line.startswith(begin) for line in lines), f"{begin}\nnot in\n{out}"
    for line in lines:
        assert line.count(": ") >= 2, f"no advice in {line}"


def test_good_tree_passes(tmp_path):
    code, out, err = check(tmp_path, {})
    assert (code, err) == (0, ""), out + err
    assert "stand where they should" in out


def test_include_upwards_fails(tmp_path):
    fails_with(
        check(tmp_path, {"src/base/low.c": '#include "base/low.h"\n\n#include "io/loop.h"\n'}),
        "src/base/low.c:3: includes io/loop.h upwards")


def test_include_next_door_fails(tmp_path):
    fails_with(
        check(tmp_path, {
            "src/proto/meson.build": "static_library('proto', 'head.c')",
            "src/proto/head.h": '#include "io/loop.h"\n',
            "src/proto/head.c": '#include "proto/head.h"\n',
            "test/unit/proto/test_head.c": "",
        }),
        "src/proto/head.h:1: includes io/loop.h next door")


def test_include_not_written_from_src_fails(tmp_path):
    fails_with(
        check(tmp_path, {"src/base/high.h": '#include "low.h"\n\nint high_get(void);\n'}),
        'src/base/high.h:1: "low.h" is not a file written from src')


def test_include_of_own_header_in_angles_fails(tmp_path):
    fails_with(
        check(tmp_path, {"src/base/high.h": "#include <base/low.h>\n\nint high_get(void);\n"}),
        "src/base/high.h:1: <base/low.h> is one of our own headers")


def test_folder_without_floor_fails(tmp_path):
    fails_with(check(tmp_path, {"src/util/misc.h": "int misc_x(void);\n"}),
               "src/util/misc.h:1: stands in a folder without a floor")


def test_file_directly_in_src_fails(tmp_path):
    fails_with(check(tmp_path, {"src/adit.h": "int adit_x(void);\n"}),
               "src/adit.h:1: stands in a folder without a floor")


def test_cycle_of_includes_fails(tmp_path):
    fails_with(
        check(tmp_path, {
            "src/base/low.h":
                '#ifndef LOW_H\n#define LOW_H\n#include "base/high.h"\nint low_get(void);\n#endif\n',
            "src/base/high.h":
                '#ifndef HIGH_H\n#define HIGH_H\n#include "base/low.h"\nint high_get(void);\n#endif\n',
        }),
        "src/base/low.h:3: closes a cycle of includes "
        "(src/base/high.h -> src/base/low.h -> src/base/high.h)")


def test_own_header_not_first_fails(tmp_path):
    text = '#include <stdio.h>\n#include "base/low.h"\n\nint low_get(void)\n' + BODY
    fails_with(check(tmp_path, {"src/base/low.c": text}),
               "src/base/low.c:1: does not include its own header first")


def test_source_without_header_fails(tmp_path):
    fails_with(
        check(tmp_path, {"src/io/meson.build": "static_library('io', 'loop.c', 'extra.c')",
                         "src/io/extra.c": "int extra_get(void)\n" + BODY}),
        "src/io/extra.c:1: has no io/extra.h")


def test_call_to_a_file_listed_below_fails(tmp_path):
    fails_with(
        check(tmp_path, {"src/base/meson.build": "static_library('base', 'high.c', 'low.c')"}),
        "src/base/high.c:5: uses low_get of src/base/low.c, which is listed below it")


def test_call_upwards_by_hand_written_prototype_fails(tmp_path):
    fails_with(
        check(tmp_path, {
            "src/base/low.c": '#include "base/low.h"\n\nint loop_run(void);\n\n'
                              "int low_get(void)\n{\n\treturn loop_run();\n}\n"
        }),
        "src/base/low.c:3: uses loop_run of io/loop.c upwards")


def test_file_missing_from_meson_fails(tmp_path):
    fails_with(check(tmp_path, {"src/base/meson.build": "static_library('base', 'low.c')\n# 'high.c'"}),
               "src/base/high.c:1: is not listed in src/base/meson.build")


def test_missing_objects_fail(tmp_path):
    code, out, _ = check(tmp_path, {}, build=False)
    assert code == 1
    assert out.count("no object for it") == 4


def test_file_of_501_lines_fails_and_of_500_passes(tmp_path):
    long = GOOD["src/base/low.c"] + "/* line */\n" * (500 - GOOD["src/base/low.c"].count("\n"))
    assert check(tmp_path, {"src/base/low.c": long})[0] == 0
    fails_with(check(tmp_path, {"src/base/low.c": long + "\n"}),
               "src/base/low.c:501: has 501 lines, more than 500")


def test_long_table_passes(tmp_path):
    assert check(tmp_path, {"src/base/names.def": "NAME(a)\n" * 501})[0] == 0


def function_of(lines):
    return '#include "base/low.h"\n\nint low_get(void)\n{\n' + "\t/* x */\n" * (lines - 4) + \
        "\treturn 0;\n}\n"


def test_function_of_61_lines_fails_and_of_60_passes(tmp_path):
    assert check(tmp_path, {"src/base/low.c": function_of(60)})[0] == 0
    fails_with(check(tmp_path, {"src/base/low.c": function_of(61)}),
               "src/base/low.c:3: a function of 61 lines, more than 60")


def test_signature_over_several_lines_counts(tmp_path):
    text = function_of(60).replace("low_get(void)\n", "low_get(\n\tvoid)\n")
    fails_with(check(tmp_path, {"src/base/low.c": text}),
               "src/base/low.c:3: a function of 61 lines, more than 60")


def test_long_function_of_a_unit_test_fails(tmp_path):
    fails_with(check(tmp_path, {"test/unit/base/test_low.c": function_of(61)}),
               "test/unit/base/test_low.c:3: a function of 61 lines, more than 60")


def nested(levels):
    opening = "".join("\t" * (i + 1) + "if (low_get()) {\n" for i in range(levels))
    closing = "".join("\t" * (i + 1) + "}\n" for i in reversed(range(levels)))
    return '#include "base/low.h"\n\nint low_get(void)\n{\n' + opening + closing + "\treturn 0;\n}\n"


def test_four_levels_of_nesting_fail_and_three_pass(tmp_path):
    assert check(tmp_path, {"src/base/low.c": nested(3)})[0] == 0
    fails_with(check(tmp_path, {"src/base/low.c": nested(4)}),
               "src/base/low.c:8: 4 levels of nesting, more than 3")


@pytest.mark.parametrize("text, name", [
    ("int low_set(int a, int b, int c, int d, int e, int f);\n", "low_set"),
    ("int low_set(int a, int b,\n\tint c, int d, int e,\n\tint (*f)(int, int));\n", "low_set"),
    ("PRINTF_LIKE(1, 2) int low_say(const char *a, int b, int c, int d, int e, int f);\n",
     "low_say"),
    ("__attribute__((alloc_size(1))) void *low_new(int a, int b, int c, int d, int e, int f);\n",
     "low_new"),
    ("static inline int low_sum(int a, int b, int c, int d, int e, int f)\n" + BODY, "low_sum"),
])
def test_six_parameters_fail(tmp_path, text, name):
    fails_with(check(tmp_path, {"src/base/low.h": "int low_get(void);\n" + text}),
               f"src/base/low.h:2: {name} takes 6 parameters, more than 5")


@pytest.mark.parametrize("text", [
    "int low_set(int a, int b, int c, int d, int e);\n",
    "int low_each(int a, int (*fn)(int, int, int, int, int, int), void *ctx);\n",
    "/* int low_set(int a, int b, int c, int d, int e, int f); */\n",
    "#define LOW_SET(a, b, c, d, e, f) \\\n\tlow_set(a, b, c, d, \\\n\te, f)\n",
])
def test_five_parameters_and_look_alikes_pass(tmp_path, text):
    code, out, err = check(tmp_path, {"src/base/low.h": "int low_get(void);\n" + text})
    assert code == 0, out + err


@pytest.mark.parametrize("header, good, bad", [
    ("uv.h", "src/io/loop.c", "src/base/low.c"),
    ("openssl/evp.h", "src/crypto/seal.c", "src/io/loop.c"),
])
def test_library_header_outside_its_folder_fails(tmp_path, header, good, bad):
    use = {f"fake/{header}": "", good: GOOD[good] + f"#include <{header}>\n"}
    assert check(tmp_path, use)[0] == 0
    line = GOOD[bad].count("\n") + 1
    fails_with(check(tmp_path, {**use, bad: GOOD[bad] + f"#include <{header}>\n"}),
               f"{bad}:{line}: <{header}> is at home in")


def test_yaml_header_outside_its_file_fails(tmp_path):
    fails_with(
        check(tmp_path, {"fake/yaml.h": "",
                         "src/io/loop.c": GOOD["src/io/loop.c"] + "#include <yaml.h>\n"}),
        "src/io/loop.c:7: <yaml.h> is at home in src/config/yaml.c and src/config/yaml_walk.c alone")


@pytest.mark.parametrize("header", ["libpsl.h"])
def test_library_header_in_two_files_fails(tmp_path, header):
    include = f"#include <{header}>\n"
    one = {f"fake/{header}": "", "src/base/low.c": GOOD["src/base/low.c"] + include}
    assert check(tmp_path, one)[0] == 0
    fails_with(check(tmp_path, {**one, "src/io/loop.c": GOOD["src/io/loop.c"] + include}),
               f"src/io/loop.c:7: <{header}> is at home in src/base/low.c alone")


def test_json_header_outside_its_two_files_fails(tmp_path):
    fails_with(
        check(tmp_path, {"fake/jansson.h": "",
                         "src/io/loop.c": GOOD["src/io/loop.c"] + "#include <jansson.h>\n"}),
        "src/io/loop.c:7: <jansson.h> is at home in src/wire/control.c and src/relay/api_json.c")


def test_missing_mirrored_unit_test_fails(tmp_path):
    fails_with(check(tmp_path, {"test/unit/base/test_low.c": None}),
               "src/base/low.c:1: has no unit test: write test/unit/base/test_low.c")
