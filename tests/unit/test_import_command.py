"""Real files on the command line, as a user types them: `import`, `check --groups`, and wherever a lab is taken."""

import json
from pathlib import Path

import pytest
from click import Command
from click.testing import CliRunner

import netlab
from netlab.cli.ask import compile_, explain
from netlab.cli.diff import diff
from netlab.cli.import_ import import_
from netlab.cli.matrix import matrix
from netlab.cli.proof import check
from netlab.errors import InputError, LabFileError, NetlabError

DATA = Path(__file__).parent / "data"
LAB = """name: own
vpc: {cidr: 10.0.0.0/16}
subnets: {one: {cidr: 10.0.1.0/24, internet: true}}
security_groups: {AlbSg: {ingress: []}}
instances: {web: {subnet: one, public_ip: 203.0.113.5, security_groups: [AlbSg]}}
hosts: {laptop: {ip: 198.51.100.9}}
expect:
- {from: laptop, to: web, tcp: 443, seen: SEEN}
"""


def test_the_lab_file_goes_where_it_is_wanted(tmp_path: Path) -> None:
    """-o writes it and says how much; what netlab does not model goes to the other stream; it loads as that lab."""
    target = tmp_path / "lab.yaml"
    done = CliRunner().invoke(import_, [str(DATA / "template.yaml"), "-o", str(target)])

    assert done.exit_code == 0
    assert done.stdout == f"{target}: 4 security groups, 12 rules, 5 instances\n"
    assert "netlab: not modelled: " in done.stderr
    assert "AWS::S3::Bucket" in done.stderr
    assert netlab.load(target) == netlab.import_lab([DATA / "template.yaml"])[0]


def test_without_a_target_it_is_printed() -> None:
    """As text of a lab file, and nothing else on that stream."""
    done = CliRunner().invoke(import_, [str(DATA / "template.yaml"), "--parameter", "DbPort=3306"])

    assert done.stdout.startswith("name: template\n")
    assert "{tcp: 3306, from: stack-web" in done.stdout


REFUSED = [
    (["missing.json"], "missing.json: no such file"),
    ([str(DATA / "template.yaml"), "--parameter", "DbPort"], "--parameter 'DbPort': wanted NAME=VALUE"),
    ([str(DATA / "template.yaml"), "--parameter", "Typo=1"], "parameter Typo: no template has it"),
]


@pytest.mark.parametrize(("words", "message"), REFUSED)
def test_wrong_words_are_refused(words: list[str], message: str) -> None:
    """Exit 2, by whose error it is."""
    done = CliRunner().invoke(import_, words)

    assert isinstance(done.exception, InputError)
    assert str(done.exception).startswith(message)
    assert done.exception.exit_code == 2


def test_files_that_cannot_be_read_are_told_together(tmp_path: Path) -> None:
    """In netlab's own words: a folder, another encoding, one wrong byte with its line, none of that name."""
    utf16, latin, folder, fine = (tmp_path / name for name in ("a.json", "b.json", "c", "d.json"))
    utf16.write_text('{"SecurityGroups": []}', encoding="utf-16")
    latin.write_bytes(b'{"SecurityGroups":\n["\xe9"]}')
    folder.mkdir()
    fine.write_text('{"SecurityGroups": []}', encoding="utf-8")

    with pytest.raises(LabFileError) as caught:
        netlab.import_lab([utf16, latin, folder, fine, tmp_path / "missing.json"])

    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "a.json:1: found text in UTF-16, wanted text in UTF-8",
        "b.json:2: found the byte 0xe9, wanted text in UTF-8",
        "c: found a folder without real files, wanted files in it that end in .json, .template, .yaml, .yml",
        "missing.json: no such file",
    ]
    for file, words in ((folder, "found a folder without real files"), (latin, "found the byte 0xe9")):
        with pytest.raises(InputError, match=words):
            netlab.load(file)


def test_parameters_that_no_template_has_are_told_beside_the_mistakes(tmp_path: Path) -> None:
    """All of them; while a file cannot be read, it may be the one that has them."""
    bad, broken = tmp_path / "bad.yaml", tmp_path / "broken.json"
    peer = "{IpProtocol: '-1', SourceSecurityGroupId: !Ref Nope}"
    group = f"{{Type: AWS::EC2::SecurityGroup, Properties: {{SecurityGroupIngress: [{peer}]}}}}"
    bad.write_text(f"Resources:\n  A: {group}\n", encoding="utf-8")
    broken.write_text("{", encoding="utf-8")
    given = {"Foo": "1", "AWS::Region": "eu-west-1", "Bar": "2"}

    with pytest.raises(LabFileError) as alone:
        netlab.import_lab([bad], given)
    with pytest.raises(LabFileError) as both:
        netlab.import_lab([bad, broken], given)

    assert [each.where for each in alone.value.mistakes] == [
        "parameter Bar",
        "parameter Foo",
        "Resources.A.Properties.SecurityGroupIngress[0]",
    ]
    assert [Path(each.file).name for each in both.value.mistakes] == ["bad.yaml", "broken.json"]


def test_mistakes_of_a_file_are_refused(tmp_path: Path) -> None:
    """All at once, exit 2, and nothing is written."""
    bad, target = tmp_path / "bad.json", tmp_path / "lab.yaml"
    bad.write_text('{"SecurityGroups": [', encoding="utf-8")
    done = CliRunner().invoke(import_, [str(bad), "-o", str(target)])

    assert isinstance(done.exception, LabFileError)
    assert done.exception.exit_code == 2
    assert not target.exists()


@pytest.mark.parametrize(("groups", "seen"), [([], "lost"), (["--groups", str(DATA / "template.yaml")], "delivered")])
def test_check_takes_the_groups_of_a_template(tmp_path: Path, groups: list[str], seen: str) -> None:
    """They stand in place of the lab's own of the same name."""
    file = tmp_path / "lab.yaml"
    file.write_text(LAB.replace("SEEN", seen), encoding="utf-8")
    done = CliRunner().invoke(check, ["--paper", str(file), *groups])

    assert done.exit_code == 0, done.output


def test_a_real_file_is_a_lab_wherever_one_is_wanted(tmp_path: Path) -> None:
    """`netlab matrix template.yaml`, `netlab diff old.json new.json`; imports are found beside the lab file."""
    (tmp_path / "t.yaml").write_bytes((DATA / "template.yaml").read_bytes())
    (tmp_path / "lab.yaml").write_text("name: own\nimport: t.yaml\n", encoding="utf-8")

    assert "instance-Web" in netlab.load(DATA / "template.yaml").instances
    assert "instance-Web" in netlab.load(tmp_path / "lab.yaml").instances


TEMPLATE = """AWSTemplateFormatVersion: "2010-09-09"
Parameters: {Office: {Type: String}MORE}
Resources:
  Web:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: !Ref Office}]
"""
OFFICE = "--parameter Office=203.0.113.0/24"

TAKEN = [
    (matrix, f"--paper --all-rules t.yaml {OFFICE}", 0, "in-203.0.113.0_24"),
    (matrix, f"--paper {OFFICE} folder", 0, "t: 3 places"),
    (matrix, f"--paper t.yaml groups.json {OFFICE}", 0, "t: 3 places"),
    (diff, f"--paper t.yaml more.yaml {OFFICE} --parameter Other=192.0.2.0/24", 1, "in-192.0.2.0_24 to Web tcp/23"),
    (diff, f"--paper folder t.yaml {OFFICE}", 1, "in-20.0.0.0_8 to app tcp/80: not there; was"),
    (explain, f"internet-host Web tcp/22 t.yaml {OFFICE}", 0, "198.51.100.7 is not in 203.0.113.0/24"),
    (explain, f"internet-host app tcp/80 t.yaml groups.json {OFFICE}", 0, "lost: DENY NO_RULE"),
    (compile_, f"t.yaml Web {OFFICE}", 0, "203.0.113.0/24"),
    (check, f"--paper lab.yaml --groups t.yaml {OFFICE}", 0, "1 of 1 expectations as expected"),
    (check, f"--paper importing.yaml {OFFICE}", 0, "1 of 1 expectations as expected"),
    (import_, f"folder {OFFICE}", 0, "name: t\n"),
]


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a template with a parameter, groups, a folder of both, and lab files into the current folder."""
    monkeypatch.chdir(tmp_path)
    more = "        - {IpProtocol: tcp, FromPort: 23, ToPort: 23, CidrIp: !Ref Other}\n"
    widened = TEMPLATE.replace("MORE", ", Other: {Type: String}").replace("[{Ip", "\n        - {Ip").replace("}]", "}")
    app = {"GroupId": "sg-0a1b", "GroupName": "app", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 80,
           "ToPort": 80, "IpRanges": [{"CidrIp": "20.0.0.0/8"}]}], "IpPermissionsEgress": []}  # fmt: skip
    row = "expect: [{from: laptop, to: web, tcp: 22, seen: lost}]\n"
    own = LAB.partition("expect:")[0].replace("AlbSg", "Web")
    files = {
        "t.yaml": TEMPLATE.replace("MORE", ""),
        "more.yaml": widened + more,
        "groups.json": json.dumps({"SecurityGroups": [app]}),
        "lab.yaml": own + row,
        "importing.yaml": own.replace("security_groups: {Web: {ingress: []}}", "import: t.yaml") + row,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "z.json").write_text(files["groups.json"], encoding="utf-8")
    (tmp_path / "folder" / "t.yaml").write_text(files["t.yaml"], encoding="utf-8")
    (tmp_path / "folder" / "notes.txt").write_text("not looked at", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(("command", "words", "code", "says"), TAKEN)
def test_parameters_files_and_folders_go_wherever_a_lab_goes(
    command: Command, words: str, code: int, says: str
) -> None:
    """Several files, or a folder of them, are one lab; a parameter goes to those that have it."""
    done = CliRunner().invoke(command, words.split())

    assert done.exit_code == code, done.output
    assert says in done.output


NOT_TAKEN = [
    (matrix, "--paper t.yaml", "parameter Office has no default; give it with --parameter Office=VALUE"),
    (matrix, f"--paper t.yaml {OFFICE} --parameter Typo=1", "parameter Typo: no template has it; there are AWS::"),
    (matrix, f"--paper stateful {OFFICE}", "parameter Office: no template has it: stateful.yaml imports none"),
    (matrix, f"--paper lab.yaml {OFFICE}", "parameter Office: no template has it: lab.yaml imports none"),
    (matrix, "--paper stateful references", "stateful: no such file"),
    (matrix, "--paper lab.yaml t.yaml", "found a mapping of name, vpc"),
    (matrix, "--paper empty", "empty: found a folder without real files, wanted files in it that end in .json"),
    (diff, f"--paper t.yaml more.yaml {OFFICE} --parameter Typo=1", "parameter Typo: no template has it; there are"),
    (diff, f"--paper stateful stateful {OFFICE}", "parameter Office: no template has it; there are none"),
    (explain, f"laptop web tcp/22 {OFFICE}", "--parameter: found no LAB, wanted a template"),
    (check, f"--paper lab.yaml {OFFICE}", "parameter Office: no template has it"),
]


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(("command", "words", "says"), NOT_TAKEN)
def test_what_is_no_lab_and_no_parameter_is_refused(command: Command, words: str, says: str) -> None:
    """Exit 2, and one line that says why."""
    done = CliRunner().invoke(command, words.split())

    assert isinstance(done.exception, NetlabError), done.output
    assert done.exception.exit_code == 2
    assert says in str(done.exception)


@pytest.mark.usefixtures("there")
def test_check_says_which_groups_were_replaced() -> None:
    """And which were not: of the lab, of the files; in JSON too. Without --groups nothing is said."""
    words = f"--paper lab.yaml --groups t.yaml --groups groups.json {OFFICE}".split()
    done, plain = CliRunner().invoke(check, words), CliRunner().invoke(check, ["--paper", "lab.yaml"])
    data = json.loads(CliRunner().invoke(check, [*words, "--json"]).stdout)

    assert (done.exit_code, plain.stderr) == (0, "")
    assert done.stderr.splitlines() == [
        "netlab: own: groups taken from --groups: Web",
        "netlab: own: groups in no file of --groups, so still the lab's own: default",
        "netlab: own: groups of --groups that no interface of the lab has: app",
    ]
    assert data["groups"] == {"replaced": ["Web"], "own": ["default"], "added": ["app"]}
    assert "groups" not in json.loads(CliRunner().invoke(check, ["--paper", "lab.yaml", "--json"]).stdout)


@pytest.mark.usefixtures("there")
def test_the_id_by_which_aws_knows_a_group_stays(there: Path) -> None:
    """Written by import, read back, and in the command that explain prints; a template has none."""
    CliRunner().invoke(import_, ["t.yaml", "groups.json", "-o", "both.yaml", *OFFICE.split()])
    lab = netlab.load(there / "both.yaml")
    known = CliRunner().invoke(explain, ["internet-host", "app", "tcp/80", "both.yaml"])
    unknown = CliRunner().invoke(explain, ["internet-host", "Web", "tcp/80", "both.yaml"])

    assert {name: group.aws_id for name, group in lab.groups.items()} == {"Web": "", "app": "sg-0a1b", "default": ""}
    assert "authorize-security-group-ingress --group-id sg-0a1b --ip" in known.output
    assert "authorize-security-group-ingress --group-id '<id of Web>' --ip" in unknown.output
