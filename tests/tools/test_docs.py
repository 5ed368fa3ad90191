# SPDX-License-Identifier: GPL-2.0-or-later
"""The documents against the code, the tests and a running Kamailio.

What a document names exists; what the module exports is documented, with the default it
has; what is generated is up to date; the configurations shown start, and carry and
release a call.
"""

import json
import pathlib
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

import recipes
import sipcap
from rig.case import BUILD, Case
from rig.network import CALLING, CALLING_AS, Network
from rig.pair import check_pair
from rig.process import wait_until
from rig.raw import CAUSE, TEXT, Scene, reasons
from rig.variant import adapted

ROOT = sipcap.ROOT
MODULE = ROOT / "modules" / "ims_release"
DOCS = ROOT / "docs"
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in MODULE.glob("*.[ch]")}
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *DOCS.glob("*.md")]
TEST_FOLDERS = ["unit", "e2e", "ims", "flows", "tools", "ims"]

built = pytest.mark.skipif(
    not pathlib.Path(BUILD, "ims_release.so").exists(), reason="the module is not built")


def text_of(name):
    return (DOCS / name).read_text(encoding="utf-8")


# -- what a page names ---------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_functions_exist(page):
    text = page.read_text(encoding="utf-8")
    for file, name in set(re.findall(r"`(\w+\.[ch]):(\w+)`", text)):
        assert file in SOURCES, file
        defined = r"(?m)^(?:[a-z][\w \t*]*[ *])?%s\([^;]*?\)\n\{" % name
        assert re.search(defined, SOURCES[file]), "%s:%s" % (file, name)


def test_picture_of_the_procedure():
    """Its functions exist, and what a step may call is in it."""
    text = (DOCS / "procedure.dot").read_text(encoding="utf-8").replace("\\n", " ")
    named = set(re.findall(r"\b(\w+\.c):(\w+)", text))
    for file, name in named:
        assert re.search(r"(?m)\b%s\([^;]*?\)\n\{" % name, SOURCES[file]), name
    step = re.search(r"\nvoid irl_release_step\(.*?\n\}\n", SOURCES["procedure.c"], re.S)
    due = step[0][step[0].index("if(todo & "):]
    called = set(re.findall(r"\b(irl_\w+|finish)\(", due))
    assert len(called) > 5 and called <= {name for _, name in named}


def named_tests(text):
    return set(re.findall(r"\b(test_\w+\.(?:py|c))::(\w+)", text))


@pytest.mark.parametrize("page", PAGES + [MODULE / "doc" / "ims_release_admin.xml"],
                         ids=lambda page: page.name)
def test_tests_exist(page):
    for file, name in named_tests(page.read_text(encoding="utf-8")):
        found = [path for path in (ROOT / "tests" / folder / file
                                   for folder in TEST_FOLDERS) if path.exists()]
        assert found, file
        assert re.search(r"(?m)^(?:async )?def %s\(|^static void %s\(" % (name, name),
                         found[0].read_text(encoding="utf-8")), "%s::%s" % (file, name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    headings = {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-")
                for line in re.findall(r"(?m)^#+ (.*)", text)}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        assert (page.parent / path).exists(), target
        assert path or anchor in headings, target


def test_each_covered_clause_has_code_and_test():
    rows = [line for line in text_of("conformance.md").splitlines()
            if line.startswith("|") and re.search(r"`\w+\.[ch]:\w+`", line)]
    assert len(rows) > 50
    for row in rows:
        assert named_tests(row), row


# -- the layers ----------------------------------------------------------------------

LOOKS_UP = {("stats", "store"), ("stats", "job"), ("params", "store")}


def test_layers():
    """docs/architecture.md: a file includes of its own layer and those below."""
    table = text_of("architecture.md").partition("| layer | files |")[2]
    rows = [row.split("|")[2] for row in table.partition("\n\n")[0].splitlines()[2:]]
    layer = {name: number for number, row in enumerate(rows)
             for name in re.findall(r"`(\w+)`", row)}
    assert set(layer) == {pathlib.Path(name).stem for name in SOURCES}
    up = set()
    for name, text in SOURCES.items():
        for other in re.findall(r'#include "(\w+)\.h"', text):
            if layer[other] < layer[name[:-2]]:
                up.add((name[:-2], other))
    assert up == LOOKS_UP


# -- what the module exports ---------------------------------------------------------


def exported():
    """Kind -> names, from the export tables in the sources."""
    module, script = SOURCES["ims_release_mod.c"], SOURCES["script.c"]
    params = re.search(r"params\[\] = \{(.*?)\{0, 0, 0\}\}", module, re.S)[1]
    kemi = re.findall(r'str_init\("ims_release"\), str_init\("(\w+)"\)', script)
    stats = re.search(r"defs\[\] = \{(.*?)\};", SOURCES["stats.c"], re.S)[1]
    names = re.search(r"names\[NAMES\] = \{(.*?)\};", SOURCES["pv.c"], re.S)[1]
    return {
        "p": re.findall(r'\{"(\w+)", PARAM_', params),
        "f": re.findall(r'\{"(ims_release\w*)", \(cmd_function\)', script),
        "k": kemi,
        "r": re.findall(r'\{"ims_release\.(\w+)", (?:irl_)?rpc_', SOURCES["rpc.c"]),
        "s": re.findall(r'\{&irl_stats\.\w+, "(\w+)"', stats),
        "e": re.findall(r'str_init\("ims_release:(\w+)"\)', SOURCES["event_route.c"]),
        "v": re.findall(r'"(\w+)"', names),
    }


def docbook():
    """The module's documentation."""
    text = (MODULE / "doc" / "ims_release_admin.xml").read_text(encoding="utf-8")
    text = re.sub(r"<!DOCTYPE.*?\]>", "", text, flags=re.S)
    return ElementTree.fromstring(re.sub(r"&(kamailio|adminguide);", "Kamailio", text))


def listings(which):
    """The examples in sections of that kind ("p.") or of that title."""
    found = []
    for section in docbook().iter("section"):
        if (section.get("id") or "").startswith("ims_release." + which) \
                or section.findtext("title") == which:
            found += [example.text for example in section.iter("programlisting")]
    assert found, which
    return found


def sections():
    """Kind -> {name: text of its section}, from the DocBook source."""
    found = {}
    for section in docbook().iter("section"):
        name = section.get("id")
        if name:
            _, kind, name = name.split(".")
            found.setdefault(kind, {})[name] = " ".join("".join(section.itertext())
                                                        .split())
    return found


@pytest.mark.parametrize("kind", "pfkrsev")
def test_exports_are_documented(kind):
    assert set(sections()[kind]) == set(exported()[kind])
    assert exported()[kind]


def test_defaults_and_ranges():
    code = SOURCES["params.c"]
    block = re.search(r"struct irl_params irl_params = \{(.*?)\};", code, re.S)[1]
    defaults = dict(re.findall(r'\.(\w+) = (?:str_init\()?"?([^",)]+)', block))
    for name in ("served", "session_timer"):
        defaults[name] = defaults.pop(name + "_name")
    ranges = {name: bounds for name, *bounds in re.findall(
        r'\{"(\w+)", &irl_params\.\w+, (\w+), (\w+)\}', code)}
    slots = re.search(r"IRL_SLOTS_MAX \(1 << (\d+)\)", SOURCES["store.h"])[1]
    for name, text in sections()["p"].items():
        kind = "int" if "PARAM_INT" in re.search(
            r'\{"%s", (\w+)' % name, SOURCES["ims_release_mod.c"])[1] else "str"
        assert "%s (%s)" % (name, kind) in text
        known = defaults.get(name, "0" if kind == "int" else "none")
        assert "Default value is %s." % known in text, name
        if name in ranges:
            least, most = ranges[name]
            most = str(1 << int(slots)) if most == "IRL_SLOTS_MAX" else most
            assert "%s to %s" % (least, most) in text, name


PIECE = r'(?:"(?:[^"\\]|\\.)*"|IRL_\w+)'


def forms(call):
    """What is printed by calls that the pattern matches up to their format: (the
    pattern's group, pattern of the line)."""
    defines = dict(re.findall(r'#define (IRL_\w+) "([^"]*)"',
                              SOURCES["core_reason.h"] + SOURCES["selector.h"]))
    for text in SOURCES.values():
        for level, pieces in re.findall(r"%s\s*((?:%s\s*)+)" % (call, PIECE), text):
            line = "".join(defines[word] if word in defines else word[1:-1]
                           for word in re.findall(PIECE, pieces))
            line = line.replace('\\"', '"').replace("\\n", "")
            yield level, "".join(
                ".+?" if part.startswith("%") else re.escape(part)
                for part in re.split(r"(%\.\*s|%zu|%l?[sdu])", line))


def test_log_lines_are_documented():
    table = text_of("operations.md").partition("| level | line |")[2]
    rows = set(re.findall(r"(?m)^\| (\w+) \| `([^`]+)`", table))
    meant = set()

    def rows_of(level, form):
        found = {row for row in rows if row[0] == level and re.fullmatch(form, row[1])}
        meant.update(found)
        return found

    for level, form in forms(r"\bLM_(INFO|NOTICE|WARN|ERR|CRIT)\("):
        # a text that was made elsewhere: by the calls below
        assert form == ".+?" or rows_of(level, form), "%s %s" % (level, form)
    for _, form in forms(r"(snprintf)\(error, IRL_ERROR_SIZE,"):
        rows_of("ERR", form)
    assert meant == rows


def test_statistics_in_operations():
    table = text_of("operations.md").partition("## Statistics")[2].partition("## Log")[0]
    assert set(re.findall(r"(?m)^\| `(\w+)` \|", table)) == set(exported()["s"])


def test_dashboard():
    """Each panel has its id and its place; each statistic is in one."""
    dashboard = json.loads(text_of("grafana-dashboard.json"))
    assert dashboard["schemaVersion"] >= 36 and dashboard["title"]
    source, node = dashboard["templating"]["list"]
    assert (source["type"], source["query"]) == ("datasource", "prometheus")
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 5
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y)
                 for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells and max(cells)[0] < 24, panel["title"]
        taken |= cells
        assert panel["title"] and panel["description"] and panel["targets"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        for target in panel["targets"] + [panel, node]:
            assert target["datasource"]["uid"] == "${%s}" % source["name"]
    asked = re.findall(r"kamailio_ims_release_(\w+)", json.dumps(panels))
    assert set(asked) == set(exported()["s"])


# -- what is generated ---------------------------------------------------------------


def test_states_are_up_to_date(tool):
    run = tool("states.py", "--check")
    assert run.returncode == 0, run.stderr
    assert "ENDING" in (DOCS / "states.svg").read_text(encoding="utf-8")


def test_pictures_of_the_house_are_up_to_date(tool):
    run = tool("house.py", "--check")
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(not (shutil.which("xsltproc") and shutil.which("lynx")),
                    reason="make docs installs what this needs")
def test_module_readme_is_up_to_date(tmp_path):
    made = tmp_path / "README"
    subprocess.run([ROOT / "tools" / "module_readme.sh", pathlib.Path(BUILD, "kamailio"),
                    made], check=True)
    assert made.read_text() == (MODULE / "README").read_text(), "make docs"


# -- what is shown really runs -------------------------------------------------------


def shortest():
    """Dialog module -> configuration, from README.md."""
    found = re.findall(r"```kamailio\n(.*?)```", README, re.S)
    return {re.search(r'loadmodule "(\w*dialog)\.so"', text)[1]: text for text in found}


def test_module_documentation_has_the_same_examples():
    text = (MODULE / "doc" / "ims_release_admin.xml").read_text(encoding="utf-8")
    text = text.replace("&quot;", '"').replace("&amp;", "&")
    assert set(shortest()) == {"dialog", "ims_dialog"}
    for example in shortest().values():
        assert example.strip() in text


class Shortest(Network):
    """An S-CSCF with nothing but that configuration, and what the rig talks to."""

    def __init__(self, case, host):
        self.file = pathlib.Path(case.folder, "shortest.cfg")
        self.file.write_text("#!KAMAILIO\n" + shortest()[host])
        super().__init__(case, host, CALLING)

    def _kamailio(self, name, config, extra="", **kwargs):
        kwargs.pop("substs", None)
        module = shutil.copy(BUILD + "/ims_release.so", self.case.folder)
        self.file.write_text(self.file.read_text().replace("ims_release.so", module))
        for more in ("counters", "jsonrpcs"):
            extra += 'loadmodule "%s.so"\n' % more
        extra += ('modparam("ctl", "binrpc", "unix:RUN_DIR/kamailio_ctl")\n'
                  'modparam("jsonrpcs", "transport", 4)\n'
                  'modparam("jsonrpcs", "dgram_socket", "RUN_DIR/kamailio_rpc.sock")\n')
        return super()._kamailio(name, str(self.file), extra=extra, **kwargs)


@built
@pytest.mark.parametrize("host", ["dialog", "ims_dialog"])
def test_shortest_configuration_releases_a_call(host):
    """It starts, carries a call, and releases it as items 1 and 2 say."""
    case = Case("docs-shortest-%s" % host)
    try:
        net = Shortest(case, host).start()
        call = net.call("basic-call", quiet=200).settled()
        net.scscf.rpc("ims_release.release", "callid", call.call_id, 503, "Gone")
        call.finish()
        check_pair(case.wire(), CALLING, call.call_id, 503, "Gone")
        code, text = net.scscf.kamcmd("stats.get_statistics", "ims_release:")
        assert code == 0 and "ims_release:released = 1" in text, text
        net.empty()
    finally:
        case.close()
    case.forget()


@built
def test_parameter_examples_are_taken(tmp_path):
    """Each `modparam` shown in the module documentation."""
    shown = [line for text in listings("p.") for line in text.splitlines()
             if line.startswith("modparam")]
    assert len(shown) == len(exported()["p"])
    config = shortest()["dialog"].replace("ims_release.so", BUILD + "/ims_release.so")
    file = tmp_path / "examples.cfg"
    lines = config.splitlines() + shown
    file.write_text("#!KAMAILIO\n" + "\n".join(lines) + "\n")
    run = subprocess.run(["kamailio", "-c", "-f", file], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.fixture
def on_stage(request):
    """Runs something with a case of its own: it is kept when that fails."""
    def run(action):
        case = Case("docs-" + request.node.name)
        try:
            action(case)
        finally:
            case.close()
        case.forget()
    return run


@built
def test_command_examples_say_what_is_shown(on_stage):
    """Each command in the module documentation, and its output."""
    def play(case):
        stage = recipes.Stage(case, CALLING_AS)
        for number in (1, 2):
            stage.crowd.call(1, ids=["call-%d@127.0.0.21" % number],
                             icid="icid-%d" % number)
        played = []
        for text in listings("r.") + listings("Statistics"):
            for step in recipes.steps(text.lstrip("\n")):
                if "takeover" in step.command:  # this takes two nodes: a recipe
                    assert step.typed + step.output in text_of("operations.md")
                    continue
                played.append((step, stage.run(step.command)))
                stage.idle()
        assert {step.command.split()[1] for step, _ in played} == {
            "ims_release." + name for name in exported()["r"] if name != "takeover"
        } | {"stats.get_statistics"}
        assert not recipes.differences(played)
        # and what the log says of the first, but for process numbers and places
        shown = re.sub(r"\n +", " ", listings("Log Lines")[0]).strip().splitlines()
        logged = [re.sub(r".*?(INFO: \w+ \[).*?\]", r"\1...]", line.strip()) for line in
                  stage.scscf.log_lines("release of Call-ID call-1@")]
        assert logged == shown

    on_stage(play)


@built
def test_script_examples_run(on_stage):
    """The functions and event routes as they are shown, in cfg/scscf.cfg."""
    functions = "".join(text.replace("...", "") for text in listings("f."))
    events = "".join(text.replace("...", "") for text in listings("e."))

    def play(case):
        net = Network(case, "dialog", CALLING, scscf={
            "defines": {"WITH_SITE_POLICY": True},
            "extra": "route[SITE_POLICY] {\n%s}\n%s" % (functions, events)}).start()
        scene = Scene(net).invite(headers=[
            ("P-Asserted-Identity", "<sip:alice@ims.example>")]).answer().confirm()
        scene.call.request("INFO", headers=[("X-Credit", "0")])
        for ua in (scene.callee, scene.caller):
            bye = ua.receive("BYE")
            assert reasons(bye) == [("SIP", "503", "Credit is used up")]
            assert bye.lines("X-Released-For") == ["sip:alice@ims.example"]
            ua.respond(bye, 200)
        line = "%s released: caller 200, callee 200" % scene.call_id
        wait_until(lambda: net.scscf.log_lines(re.escape(line)), 3, line)

    on_stage(play)


@built
def test_slow_work_holds_nothing_up(on_stage):
    """Half a second for each of eight releases, in a process of its own."""
    shown, = (text for text in listings("Event Routes") if "mqueue" in text)
    slow = "# here: what takes time"
    assert slow in shown
    config = ('loadmodule "cfgutils.so"\n'
              + shown.replace("...", "").replace(slow, 'usleep("500000");'))

    def play(case):
        stage = recipes.Stage(case, CALLING, scscf={"extra": config})
        ids = stage.crowd.call(8)
        stage.run("kamcmd ims_release.release all '*'")
        stage.done(8)
        assert stage.job()["elapsed_ms"] < 1000
        wait_until(lambda: len(stage.scscf.log_lines(" was released$")) == 8, 8)
        said = " ".join(stage.scscf.log_lines(" was released$"))
        assert all(call_id + " was" in said for call_id in ids)

    on_stage(play)


@built
def test_kemi_example_runs(on_stage):
    def play(case):
        script = pathlib.Path(case.folder, "script.js")
        text, = listings("KEMI Functions")
        script.write_text(text)
        param, = re.findall(r"modparam\(.*\)", text)
        # a request route of the native script would come first
        net = adapted(case, "dialog", CALLING, {r"\nrequest_route": "\nroute[NATIVE]"},
                      scscf={"extra": 'loadmodule "app_jsdt.so"\n'
                             'modparam("app_jsdt", "load", "%s")\n'
                             'cfgengine "jsdt"\n%s\n' % (script, param)}).start()
        scene = Scene(net).connect().release()
        byes = scene.take_byes()
        scene.over()
        assert [bye.lines("X-Leg") for bye in byes] == [["callee"], ["caller"]]
        assert net.scscf.log_lines(re.escape(scene.call_id) + " released")
        check_pair(scene.wire(), CALLING, scene.call_id, CAUSE, TEXT)

    on_stage(play)


def test_pictures_are_drawn_by_our_tools():
    for name in ("release-calling", "release-called", "release-early"):
        root = ElementTree.parse(DOCS / (name + ".svg")).getroot()
        said = root.find("{http://www.w3.org/2000/svg}desc").text
        assert "ims_release.release" in said
        assert ("CANCEL" if name == "release-early" else "BYE") in said
