"""`obmen24 validate`: does a file keep the rules of its CommerceML version, and our schema of a dialect?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, cast

from etl import tables, xml_safe
from etl.commands.files import Tell, Watched, readable, size_of
from etl.config.dialects import DIALECTS, Dialect
from etl.errors import Rejected
from etl.extract.commerceml import lint
from etl.load.commerceml import write


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one file, in Russian sentences without values.

    `unusable`: our reader cannot use it; `deviations`: the schema of the named version does not allow it, our
    reader takes it; `schema`: our own schema of `dialect` does not allow it; `issues`: why it was not read at
    all. `told` = the dialect was told by the file; without a dialect only the version is checked.
    """

    file: str
    path: str
    version: str | None
    dialect: str | None
    told: bool = False
    unusable: list[str] = field(default_factory=list)
    deviations: list[str] = field(default_factory=list)
    schema: list[str] = field(default_factory=list)
    issues: list[tables.Record] = field(default_factory=list)

    @property
    def is_meant(self) -> bool:
        """Whether our schema allows it.

        What a dialect departs in from its version («ТелефонРабочий» of УТ 10.3) is as it must be.
        """
        return self.dialect is not None and not self.schema

    @property
    def is_clean(self) -> bool:
        """Whether nothing was said against the file."""
        if self.issues or self.unusable or self.schema:
            return False
        return not self.deviations or self.is_meant


def validate(path: Path, dialect: str | None, *, tell: Tell | None = None) -> Verdict:
    """Check a file by the rules of its version, and by our schema of `dialect` or of the one it shows."""
    verdict = Verdict(path.name, str(path), version=None, dialect=dialect)
    try:
        watched = _watched(path, dialect, tell)
        with readable(path), watched.open() as opened:
            stream = cast(BinaryIO, opened)
            verdict = _by_version(verdict, stream)
            verdict = _by_schema(verdict, stream)
    except Rejected as error:
        issue = tables.issue(str(error), file=path.name, entity="file")
        return replace(verdict, issues=[dict(issue)])
    return verdict


def _watched(path: Path, dialect: str | None, tell: Tell | None) -> Watched:
    """The file with its reading followed: it is proven and read, and the same again for a schema."""
    size = size_of(path)
    if tell is None:
        return Watched(path, None)
    passes = 4 if dialect else 2
    whole = size * passes
    report = tell

    def read_so_far(read: int) -> None:
        part = read / whole
        report(min(1.0, part))

    return Watched(path, read_so_far)


def _by_version(verdict: Verdict, stream: BinaryIO) -> Verdict:
    """The verdict with that of the rules of the version which the file names."""
    version, remarks = lint.lint_stream(stream, verdict.file)
    return replace(
        verdict,
        version=version,
        unusable=[remark.text for remark in remarks if not remark.usable],
        deviations=[remark.text for remark in remarks if remark.usable],
    )


def _by_schema(verdict: Verdict, stream: BinaryIO) -> Verdict:
    """The verdict with our schema's.

    Only the extended contract is written alike in both directions. What stock 1C exports looks like what we
    write for it and need not keep our schema: a file that does not is left to the rules of its version.
    """
    if verdict.dialect:
        return replace(verdict, schema=write.validate(stream, verdict.dialect))
    dialect = _shown(stream, verdict.file)
    if dialect is None:
        return verdict
    problems = write.validate(stream, dialect.name)
    if problems and not dialect.extended:
        return verdict
    return replace(verdict, dialect=dialect.name, told=True, schema=problems)


def _shown(stream: BinaryIO, name: str) -> Dialect | None:
    """The dialect a file shows by its version, namespace and first element."""
    root = xml_safe.root(stream, name)
    first = lint.first_child(stream, name)
    shown = (root.attributes.get("ВерсияСхемы"), root.namespace, first)
    for dialect in DIALECTS.values():
        begins = "Контейнер" if dialect.extended else "Документ"
        written = (dialect.version, dialect.namespace, begins)
        if dialect.kinds and written == shown:
            return dialect
    return None
