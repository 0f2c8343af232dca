"""
Every error netlab raises, by whose fault it is. Each message is one line: subject, found, wanted.

    NetlabError
    ├── InputError              the user's words are wrong                      exit 2
    │   ├── LabFileError        … in a file: all of its mistakes at once
    │   └── RefusedError        … as AWS's API refuses them, with its code
    ├── MachineError            the machine lacks something, root included      exit 4
    ├── KernelError             the kernel refused what was asked of it         exit 5
    └── BrokenError             the experiment broke: no gate claims a packet   exit 5

A wrong verdict is no error but a report (exit 1).
"""

from __future__ import annotations

from dataclasses import dataclass


class NetlabError(Exception):
    """The root. Never raised itself."""

    exit_code: int = 5


class InputError(NetlabError):
    """What the user wrote cannot be meant."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """
    One thing that is wrong in a file.

    Attributes:
        line: Counted from 1; 0 where no line can be named.
        where: The place in the file's own words (``web ingress: tcp``).
        text: What was found and what was wanted (``65536 is above 65535``).
    """

    file: str
    line: int
    where: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (place, self.where, self.text) if part)


class LabFileError(InputError):
    """A file holds mistakes; ``mistakes`` has all of them, sorted by line, at least one."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class RefusedError(InputError):
    """
    AWS's API would refuse the change.

    Attributes:
        code: AWS's error code.
        message: AWS's text where known.
        found: What was counted and how much is allowed, which AWS does not say; a sentence, or empty.
    """

    def __init__(self, code: str, message: str, found: str = "") -> None:
        self.code = code
        self.message = message
        self.found = found
        super().__init__(f"{code}: {message} {found}".rstrip())


class MachineError(NetlabError):
    """
    The machine lacks something netlab needs.

    Attributes:
        remedy: The command that gets it; empty where there is none.
    """

    exit_code = 4

    def __init__(self, text: str, *, remedy: str = "") -> None:
        self.remedy = remedy
        super().__init__(f"{text}; get it with: {remedy}" if remedy else text)


class KernelError(NetlabError):
    """The kernel, or a program that speaks for it, refused: what was asked, of which namespace, its answer."""

    exit_code = 5


class BrokenError(NetlabError):
    """The experiment itself failed: which flow, at which stage. Never counted as lost."""

    exit_code = 5
