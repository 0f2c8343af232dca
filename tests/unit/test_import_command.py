"""`netlab import` and `check --groups` as a user types them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import netlab
from netlab.cli.import_ import import_
from netlab.cli.proof import check
from netlab.errors import InputError, LabFileError

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
        "c: cannot be read: it is a folder, wanted a file",
        "missing.json: no such file",
    ]
    for file, words in ((folder, "it is a folder"), (latin, "found the byte 0xe9")):
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
