"""The command line as users meet it: from `new` to a report, its messages and exit codes, and what it leaves alone."""

import json
import os
import re
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest

import sim
from sim.report.cells import factor
from sim.scenario.document import parse_document

ROOT = Path(__file__).parent.parent.parent

TINY = """\
title: {en: "Tiny port [not /bold]", zh: 小口岸}
calendar: {start: 2025-06-02, zone: Asia/Shanghai, warm_up: 6 h, duration: 1 day, cool_down: 6 h}
replications: 2
seed: 1
ports: {port: {title: {en: "The port [/x]", zh: 口岸}}}
demand:
  trucks:
    title: {en: "Trucks [heavy]", zh: 货车}
    entity: truck
    port: port
    direction: export
    arrivals: {rate: 60 per day}
procedure:
  stations:
    port_gate: {title: {en: Gate, zh: 卡口}, port: port, capacity: 1, agency: port_operator}
    port_spare: {title: {en: Spare, zh: 备用}, port: port, capacity: 1}
  routes:
    trucks:
      gate_in: {at: port_gate, takes: {exponential: 15 min}, phase: gate}
      gate_out: {after: gate_in, takes: 1 min, phase: gate}
  clocks:
    port_dwell: {from: gate_in.ready, to: gate_out.end, target: 1 h}
modes:
  traditional: []
  smart: [smart_gate]
reforms:
  smart_gate:
    title: {en: Smart gate, zh: 智能卡口}
    why: The gate reads the plate by itself.
    set: {routes.*.gate_in.takes: {exponential: 5 min}}
evidence:
  demand.trucks.arrivals: {grade: official, source: "https://example.org/", note: 60 a day}
"""


def smartport(*words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "sim", *map(str, words)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def written(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return tmp_path


def spoil(folder: Path, *changes: tuple[str, str]) -> None:
    text = TINY
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "tiny.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A folder with the tiny scenario and its results, and what the run said."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(TINY, encoding="utf-8")
    said = smartport("run", "tiny.yaml", "--workers", 1, cwd=folder)
    assert said.returncode == 0, said.stderr
    return folder, said


# ----------------------------------------------------------------------------------------------------------- quickness


def seconds(*words: str) -> float:
    """Processor time of the quickest of three."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(3))


def test_help_comes_at_once():
    # Half a second on a machine on which Python alone takes 15 ms; measured against Python alone, as machines differ.
    assert seconds("-m", "sim", "--help") < 35 * seconds("-c", "pass")


SLOW = {"pandas", "simpy", "matplotlib", "pydantic", "numpy", "scipy", "pyarrow", "jinja2", "yaml", "pydantic_core"}


@pytest.mark.parametrize("words", [[], ["--help"], ["--version"]], ids=lambda words: " ".join(words) or "import")
def test_nothing_slow_is_imported_for_help(words: list[str]):
    program = f"""
import sys
from sim.cli import main
sys.argv = ["smartport", *{words!r}]
try:
    {"main()" if words else "pass"}
except SystemExit:
    pass
print(sorted({SLOW!r} & set(sys.modules)), file=sys.stderr)
"""
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stderr.splitlines()[-1] == "[]"


# --------------------------------------------------------------------------------------------------------- the commands


def test_without_a_word_it_lists_its_commands(tmp_path: Path):
    said = smartport(cwd=tmp_path)
    listed = re.findall(r"^│ (\w+) ", said.stdout, re.MULTILINE)
    assert {"new", "check", "run", "compare", "report", "schema"} <= set(listed)
    assert smartport("--version", cwd=tmp_path).stdout == f"smartport {sim.__version__}\n"


def test_the_installed_command_is_the_same(tmp_path: Path):
    command = Path(sys.executable).with_name("smartport")
    said = subprocess.run([command, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == smartport("--version", cwd=tmp_path).stdout


def test_new_writes_an_example_that_can_be_checked(tmp_path: Path):
    said = smartport("new", "mine", cwd=tmp_path)
    assert said.returncode == 0
    assert "smartport check mine/scenario.yaml" in said.stdout
    assert {"scenario.yaml", "ports/common.yaml", "ports/khorgos_road.yaml", "reforms/smart_gate.yaml"} <= set(
        written(tmp_path / "mine")
    )
    for line in re.findall(r"smartport (check .+)$", said.stdout, re.MULTILINE):
        checked = smartport(*line.split(), cwd=tmp_path)
        assert checked.returncode == 0, checked.stderr
        assert checked.stdout.endswith("No problem found.\n")
        assert "Mode smart" in checked.stdout


def test_new_says_a_command_that_can_be_pasted(tmp_path: Path):
    said = smartport("new", "小 口岸", cwd=tmp_path)
    assert "smartport check '小 口岸/scenario.yaml'" in said.stdout


def test_the_example_runs(tmp_path: Path):
    smartport("new", ".", cwd=tmp_path)
    short = ["--duration", "6 h", "--replications", 1, "--workers", 1, "--out", "results"]
    said = smartport("run", "scenario.yaml", *short, cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "Report:  results/report.html" in said.stdout
    assert {"manifest.json", "comparison.csv", "report.html"} <= set(written(tmp_path / "results"))


@pytest.mark.parametrize("there", ["full", "a file"])
def test_new_leaves_alone_what_is_there(tmp_path: Path, there: str):
    if there == "full":
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    else:
        (tmp_path / "mine").write_text("mine", encoding="utf-8")
    before = written(tmp_path)
    said = smartport("new", "mine", cwd=tmp_path)
    assert said.returncode == 2
    assert said.stderr.startswith("mine: is ")
    assert said.stderr.endswith("name a new folder\n")
    assert written(tmp_path) == before


def test_check_says_what_changes_what_is_full_and_what_is_known(tiny: Path):
    said = smartport("check", "tiny.yaml", cwd=tiny)
    assert said.returncode == 0
    lines = [line.strip() for line in said.stdout.splitlines()]
    assert lines[0] == "Tiny port [not /bold] 小口岸"
    assert lines[1] == "2025-06-02 Asia/Shanghai: 6 h warm-up, 1 day measured, 6 h behind, 1.5 days in all"
    assert "Mode traditional: 0 changes by 0 reforms" in lines
    at = lines.index("routes.trucks.gate_in.takes  smart_gate, port")
    assert lines[at - 1] == "Mode smart: 1 changes by 1 reforms"
    assert lines[at + 1] == "exponential: 15 min -> exponential: 5 min"
    loads = [re.sub(r"\s+", " ", line) for line in lines if "port_gate" in line]
    assert [re.findall(r"[\d.]+%?", load) for load in loads] == [
        ["60.0", "15.0", "24.0", "62%"],
        ["60.0", "5.0", "24.0", "21%"],
    ]
    text = re.sub(r"\s+", " ", said.stdout)
    # Arrivals, two capacities and two durations; the reform's own duration is an assumption by its grade.
    assert (
        "Evidence in mode traditional: 5 parameters: 1 official, 0 survey, 0 press, 0 benchmark, 0 assumption; 4 say"
        in text
    )
    assert (
        "Evidence in mode smart: 5 parameters: 1 official, 0 survey, 0 press, 0 benchmark, 1 assumption; 3 say" in text
    )
    assert "warning: no activity uses the station port_spare in any mode" in text
    assert lines[lines.index("Clocks") + 1] == "port_dwell: 1 of 1 flows"
    assert lines[-1] == "No error, 1 warning."
    assert written(tiny) == ["tiny.yaml"]


def test_check_of_one_mode_and_the_warning_of_an_overload(tiny: Path):
    spoil(tiny, ("rate: 60 per day", "rate: 120 per day"))
    said = smartport("check", "tiny.yaml", "--mode", "smart", cwd=tiny)
    assert "traditional" not in said.stdout
    assert "no steady state" not in said.stdout
    said = smartport("check", "tiny.yaml", cwd=tiny)
    assert said.returncode == 0
    text = re.sub(r"\s+", " ", said.stdout)
    # 120 a day need 30 h of 24 h: 96 get through.
    assert "warning: traditional: port_gate is offered 30.0 unit-hours a day and has 24.0: " in text
    assert "its queue grows by about 24 a day" in text
    assert said.stdout.endswith("No error, 2 warnings.\n")


def test_run_says_what_it_did_and_where_it_is(finished: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, said = finished
    assert re.search(r"^Audit passed: 4 runs, \d+ visits\.$", said.stdout, re.MULTILINE)
    assert "Tables:  results/tiny\n" in said.stdout
    assert "Report:  results/tiny/report.html\n" in said.stdout
    results = folder / "results" / "tiny"
    expected = {
        "manifest.json",
        "scenario.resolved.yaml",
        "measures.parquet",
        "measures.csv",
        "estimates.csv",
        "comparison.csv",
    }
    assert expected | {"report.html"} <= set(written(results))
    assert list((results / "charts").glob("*.svg"))
    assert not [name for name in written(folder) if ".tmp" in name]
    assert json.loads((results / "manifest.json").read_text(encoding="utf-8"))["modes"] == ["traditional", "smart"]


def test_charts_of_an_earlier_study_in_the_folder_are_removed_and_nothing_else(tiny: Path):
    charts = tiny / "results" / "tiny" / "charts"
    charts.mkdir(parents=True)
    for name in (
        "other_port.utilisation.svg",
        "other_port.utilisation.png",
        "notes.txt",
        "my.own.png",
        "utilisation.svg",
    ):
        (charts / name).write_text("", encoding="utf-8")
    said = smartport("run", "tiny.yaml", "--workers", 1, "--replications", 1, cwd=tiny)
    assert said.returncode == 0, said.stderr
    left = {path.name for path in charts.iterdir()}
    assert {name for name in left if not name.startswith("port.")} == {"notes.txt", "my.own.png", "utilisation.svg"}
    assert "port.utilisation.svg" in left


def test_run_says_it_in_chinese_with_the_warning_of_an_overload(tiny: Path):
    spoil(tiny, ("rate: 60 per day", "rate: 120 per day"))
    said = smartport("run", "tiny.yaml", "--workers", 1, "--replications", 2, "--lang", "zh", cwd=tiny, COLUMNS="200")
    assert said.returncode == 0, said.stderr
    assert re.search(r"^审计通过：4 次运行，[\d,]+ 次作业。$", said.stdout, re.MULTILINE)
    assert re.search(r"^警告：传统模式：卡口每天承接 30.0 单位小时", said.stdout, re.MULTILINE)
    assert "数据表：results/tiny\n报告：  results/tiny/report.zh.html\n" in said.stdout
    assert not re.search(r"warning|Audit|Tables|Report:", said.stdout)
    assert "4/4 次运行，剩余" in said.stderr
    assert "Simulating" not in said.stderr


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_narrow_terminal_does_not_break_the_table(
    finished: tuple[Path, subprocess.CompletedProcess[str]], columns: int, lang: str
):
    folder, _ = finished
    said = smartport("compare", "results/tiny", "--lang", lang, cwd=folder, COLUMNS=str(columns))
    assert said.returncode == 0, said.stderr
    wide = [sum(2 if ord(char) > 0x2E80 else 1 for char in line.rstrip()) for line in said.stdout.splitlines()]
    assert max(wide) <= columns
    estimates = sim.open(folder / "results" / "tiny").estimates
    dwell = estimates[(estimates["measure"] == "port_dwell") & (estimates["statistic"] == "mean")]
    for value in dwell.loc[dwell["subject"] == "trucks", "mean"]:
        assert re.search(rf"[│ ]{value:.1f} ?│", said.stdout), "a number is never broken"
    if lang == "en":
        for word in ("[/x]", "[heavy]"):
            assert word in said.stdout, "what stands in brackets is no markup"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_many_modes_get_a_line_each_and_every_number_is_whole(tiny: Path, lang: str):
    spoil(
        tiny, ("  smart: [smart_gate]\n", "".join(f"  {mode}: [smart_gate]\n" for mode in ("smart", "third", "fourth")))
    )
    said = smartport("run", "tiny.yaml", "--workers", 1, "--replications", 2, cwd=tiny)
    assert said.returncode == 0, said.stderr
    said = smartport("compare", "results/tiny", "--lang", lang, cwd=tiny, COLUMNS="80")
    study = sim.open(tiny / "results" / "tiny")
    means = study.estimates.query("measure == 'port_dwell' and statistic == 'mean' and subject == 'trucks'")
    lines = [line.split("│")[1:-1] for line in said.stdout.splitlines() if line.startswith("│    ")]
    modes = [[cell.strip() for cell in cells] for cells in lines[:4]]
    titles = {"en": ["Traditional", "Smart port"], "zh": ["传统模式", "智慧口岸"]}[lang]
    assert [cells[0] for cells in modes] == [*titles, "third", "fourth"]
    assert [cells[1] for cells in modes] == [f"{value:.1f}" for value in means.set_index("mode")["mean"][study.modes]]
    assert modes[0][2:4] == ["", ""]
    assert all(re.fullmatch(r"[-+]\d+\.\d \[[-+]\d+\.\d, [-+]\d+\.\d\]", cells[2]) for cells in modes[1:])
    assert "…" not in said.stdout


def test_check_fits_into_a_narrow_terminal(tiny: Path):
    said = smartport("check", "tiny.yaml", cwd=tiny, COLUMNS="60")
    assert max(len(line.rstrip()) for line in said.stdout.splitlines()) <= 60


def test_compare_with_another_baseline(finished: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, _ = finished
    first = smartport("compare", "results/tiny", cwd=folder).stdout
    other = smartport("compare", "results/tiny", "--baseline", "smart", cwd=folder).stdout
    (less,) = set(re.findall(r"(-\d+\.\d) \[", first))
    (more,) = set(re.findall(r"(\+\d+\.\d) \[", other))
    assert float(less) == -float(more)


def test_compare_prints_the_variance_reduction(finished: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, said = finished
    table = sim.open(folder / "results" / "tiny").comparison
    row = table[(table["measure"] == "port_dwell") & (table["statistic"] == "mean") & (table["subject"] == "all")].iloc[
        0
    ]
    lines = smartport("compare", "results/tiny", cwd=folder, COLUMNS="120").stdout.splitlines()
    (line,) = (line for line in lines if "All flows" in line)
    assert line.split("│")[-2].strip() == factor(row["variance_reduction"])
    assert any("Variance reduction: how many times" in line for line in lines)
    assert "ariance reduction" not in said.stdout


def test_without_steady_state_there_is_a_mark_and_no_interval(tiny: Path):
    spoil(tiny, ("rate: 60 per day", "rate: 120 per day"))
    said = smartport("run", "tiny.yaml", "--workers", 1, cwd=tiny, COLUMNS="120").stdout
    rows = [line for line in said.splitlines() if re.search("│ +(Trucks|All flows)", line)]
    assert len(rows) == 2
    for row in rows:
        cells = [cell.strip() for cell in row.split("│")]
        assert re.fullmatch(r"\d+\.\d\*", cells[2])
        assert re.fullmatch(r"\d+\.\d", cells[3])
        assert re.fullmatch(r"-\d+\.\d\*", cells[4])
    assert "* no steady state: the queue grows as long as one watches" in said


def test_a_precision_that_is_reached_or_not_is_said(tiny: Path):
    said = smartport("run", "tiny.yaml", "--precision", "90%", "--workers", 1, cwd=tiny).stdout
    assert re.search(r"^Precision reached: ±\d+\.\d% or less after \d+ replications\.$", said, re.MULTILINE)
    said = smartport("run", "tiny.yaml", "--precision", "1%", "--most-replications", 15, cwd=tiny).stdout
    text = re.sub(r"\s+", " ", said)
    assert "warning: the precision of 1.0% is not reached after 15 replications: best so far ±" in text
    assert "Precision reached" not in text


def test_report_is_written_anew(finished: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, _ = finished
    report = folder / "results" / "tiny" / "report.html"
    before = report.read_bytes()
    report.unlink()
    said = smartport("report", "results/tiny", cwd=folder)
    assert said.returncode == 0, said.stderr
    assert "Report:  results/tiny/report.html\n" in said.stdout
    assert report.read_bytes() == before


def test_schema_is_a_json_schema_that_scenarios_fit(tmp_path: Path):
    said = smartport("schema", cwd=tmp_path)
    schema = json.loads(said.stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(parse_document(TINY, "tiny.yaml").plain(), schema)


# ------------------------------------------------------------------------------------------------ mistakes and messages

MISTAKES = {
    ("capacity: 1, agency", "capacty: 1, agency"): (
        'tiny.yaml:15:56: procedure.stations.port_gate.capacty: unknown key; did you mean "capacity"?'
    ),
    ("capacity: 1, agency", "capacity: 0, agency"): (
        "tiny.yaml:15:66: procedure.stations.port_gate.capacity: expected at least 1, found 0"
    ),
    ("takes: 1 min, phase", "takes: 1, phase"): (
        "tiny.yaml:20:41: procedure.routes.trucks.gate_out.takes: "
        'expected a duration with its unit, such as "15 min", found 1'
    ),
    ("rate: 60 per day", "rate: 60"): (
        'tiny.yaml:12:22: demand.trucks.arrivals.rate: expected a rate with its unit, such as "300 per day", found 60'
    ),
    ("at: port_gate", "at: port_gat"): (
        'tiny.yaml:19:17: procedure.routes.trucks.gate_in.at: there is no station "port_gat"; did you mean "port_gate"?'
    ),
    ("after: gate_in", "after: gate_im"): (
        "tiny.yaml:20:18: procedure.routes.trucks.gate_out.after: "
        'this route has no activity "gate_im"; did you mean "gate_in"?'
    ),
    ("smart: [smart_gate]", "smart: [smart_gat]"): (
        'tiny.yaml:25:11: modes: there is no reform "smart_gat" in this scenario or in reforms/; '
        'did you mean "smart_gate"?'
    ),
    ("set: {routes.*.gate_in.takes", "set: {routes.*.inspect.takes"): (
        "tiny.yaml:30:11: set.routes.*.inspect.takes: matches nothing at the ports where reform smart_gate is applied"
    ),
    ("seed: 1\n", "seed: 1\nseed: 2\n"): "tiny.yaml:5:1: seed: this key stands twice, first in line 4; keep one",
    ("direction: export", "direction: NO"): (
        'tiny.yaml:11:16: YAML 1.1 reads NO as true or false; write "NO" in quotes, or true/false'
    ),
    ("modes:\n", "modes:\n\ttraditional: []\n"): (
        "tiny.yaml:24:1: not valid YAML: found character that cannot start any token; indent with spaces, not with tabs"
    ),
}


@pytest.mark.parametrize("change", MISTAKES, ids=[new.strip()[:40] for _, new in MISTAKES])
def test_a_mistake_is_one_line_with_its_place_and_nothing_is_written(tiny: Path, change: tuple[str, str]):
    spoil(tiny, change)
    said = smartport("run", "tiny.yaml", cwd=tiny)
    assert said.returncode == 2
    assert said.stderr == MISTAKES[change] + "\n"
    assert said.stdout == ""
    assert written(tiny) == ["tiny.yaml"]


def test_several_mistakes_are_counted(tiny: Path):
    spoil(tiny, ("capacity: 1, agency", "capacty: 1, agency"), ("rate: 60 per day", "rate: 60"))
    said = smartport("check", "tiny.yaml", cwd=tiny)
    assert said.returncode == 2
    assert said.stderr.splitlines()[-1] == "2 problems"
    assert len(said.stderr.splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["check", "tiny.yml"], "tiny.yml: there is no such file"),
        (["check", "."], ".: this is a folder; name the scenario file inside it"),
        (["check", "tiny.yaml", "--mode", "smrt"], 'modes: there is no mode "smrt"; did you mean "smart"?'),
        (["run", "tiny.yaml", "--mode", "fast"], 'modes: there is no mode "fast"; known are smart, traditional'),
        (["run", "tiny.yaml", "--out", "tiny.yaml"], "tiny.yaml: is a file; name a folder with --out"),
        (
            ["run", "tiny.yaml", "--duration", "28"],
            'calendar.duration: expected a duration with its unit, such as "15 min", found "28"',
        ),
        (["compare", "nowhere"], "nowhere: there is no such folder; name a folder that `smartport run` wrote"),
        (
            ["report", "."],
            ".: holds no manifest.json, so no finished results; run the scenario (again, if it was interrupted)",
        ),
    ],
)
def test_a_wrong_word_on_the_command_line_is_refused(tiny: Path, words: list[str], sentence: str):
    said = smartport(*words, cwd=tiny)
    assert said.returncode == 2
    assert said.stderr == sentence + "\n"
    assert written(tiny) == ["tiny.yaml"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["run"], "Missing argument 'SCENARIO'"),
        (["walk"], "No such command 'walk'"),
        (["run", "tiny.yaml", "--replicatons", "3"], "No such option: --replicatons"),
        (["run", "tiny.yaml", "--replications", "0"], "greater than or equal to 1"),
        (["compare", "x", "--lang", "de"], "'de' is not one of"),
    ],
)
def test_misuse_has_exit_code_2_too(tiny: Path, words: list[str], part: str):
    said = smartport(*words, cwd=tiny)
    assert said.returncode == 2
    assert part in re.sub(r"[\s│]+", " ", said.stderr)
    assert written(tiny) == ["tiny.yaml"]


def test_a_baseline_that_was_not_run(finished: tuple[Path, subprocess.CompletedProcess[str]]):
    folder, _ = finished
    said = smartport("compare", "results/tiny", "--baseline", "smrt", cwd=folder)
    assert said.returncode == 2
    assert said.stderr.startswith('baseline: the mode "smrt" was not run; ')


def test_a_failed_run_has_exit_code_1_and_a_traceback_only_with_debug(tiny: Path):
    (tiny / "failing.py").write_text(
        "import sim.cli, sim.study.runs\n"
        "from sim.errors import RunError\n"
        "def audit(*_):\n"
        "    raise RunError('audit: trucks: 3 arrived, 2 left and 0 are inside')\n"
        "sim.study.runs.audit = audit\n"
        "sim.cli.main()\n",
        encoding="utf-8",
    )
    for debug in (False, True):
        words = ["--debug"] if debug else []
        said = subprocess.run(
            [sys.executable, "failing.py", *words, "run", "tiny.yaml", "--workers", "1", "--out", "out"],
            cwd=tiny,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 1
        assert said.stderr.splitlines()[-1].startswith("audit: trucks: 3 arrived, 2 left and 0 are inside")
        assert ("Traceback" in said.stderr) == debug
    assert "manifest.json" not in written(tiny)


def test_a_reader_who_leaves_early_is_no_error(tiny: Path):
    command = f"{sys.executable} -m sim schema | head -n 1; echo ${{PIPESTATUS[0]}}"
    said = subprocess.run(["bash", "-c", command], cwd=tiny, capture_output=True, text=True, check=True)
    assert said.stdout == "{\n0\n"
    assert said.stderr == ""


# ------------------------------------------------------------------------------------------------------------ the wheel


def test_new_works_from_an_installed_wheel_in_an_empty_folder(tmp_path: Path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "wheel")]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = (tmp_path / "wheel").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    empty = tmp_path / "empty"
    empty.mkdir()
    installed = {"PYTHONPATH": str(tmp_path / "site")}
    where = [sys.executable, "-c", "import sim; print(sim.__file__)"]
    environment = {**os.environ, **installed}
    found = subprocess.run(where, cwd=empty, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(tmp_path / "site"))
    said = smartport("new", "mine", cwd=empty, **installed)
    assert said.returncode == 0, said.stderr
    checked = smartport("check", "mine/scenario.yaml", cwd=empty, **installed)
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.endswith("No problem found.\n")
