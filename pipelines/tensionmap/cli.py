"""The command line: the only room that prints.

Nothing heavy is imported before a command needs it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tensionmap import __version__
from tensionmap.errors import ReleaseError, TensionmapError, WorkspaceError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

    from tensionmap.pipeline import Proposal
    from tensionmap.workspace import Workspace

# Repeated here, since importing them would bring pydantic into --help; a test holds the two lists together.
STAGES = ("ingest", "link", "measure", "protect", "publish")
MOST_LISTED = 12


class _Commands(click.Group):
    """Commands in the order of work, and our errors as one message."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as error:
            if ctx.params.get("verbose"):
                raise
            raise click.ClickException(str(error) if isinstance(error, TensionmapError) else _unforeseen(error)) from error


def _unforeseen(error: Exception) -> str:
    """What to do about a fault that nobody foresaw; its own message may quote a report and is not shown."""
    return (
        f"Something went wrong that the program did not foresee ({type(error).__name__}). Your data were not changed. "
        "Run it again as 'tensionmap -v ...' to see where, and report it without any report's text."
    )


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tensionmap")
@click.option("-v", "--verbose", is_flag=True, help="Show where in the program an error arose.")
def main(verbose: bool) -> None:
    """From incident reports to a map that both sides of a border can talk over."""


@main.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Begin a study in DIR."""
    from tensionmap.workspace import make_workspace

    make_workspace(folder)
    click.echo(
        f"A new study lies in {folder}. Next: edit {folder / 'study.toml'}, then 'tensionmap add FILE' for every raw file."
    )


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Short name of the source; by default made from the file's name.")
@click.option("--publisher", help="Who made the file.")
@click.option("--licence", help="What may be done with it.")
@click.option("--url", default="", help="Where it was published.")
@click.option("--reader", help="How it is read; by default found by looking into it.")
@click.option("--reported-by", help="Reports: the party whose people reported, 'community' or 'outside'.")
@click.option("--claimant", help="Claims: the party that claims.")
@click.option("--corrects", help="Reports: the source whose list of rows set aside this file is, corrected.")
@click.option("--sensitivity", type=click.Choice(["public", "internal", "sealed"]), default="internal", show_default=True)
@click.option("--yes", is_flag=True, help="Write what was found about its columns into study.toml without asking.")
def add(file: Path, yes: bool, **given: str | None) -> None:
    """Put FILE into data/raw, register it, and propose how its columns are read."""
    from tensionmap.pipeline import propose_reading
    from tensionmap.workspace import find_workspace, register

    workspace = find_workspace(Path.cwd())
    proposal = None if given["corrects"] else propose_reading(workspace, file)
    if proposal and not workspace.is_registered(file):
        if not given["reader"] and not proposal.reader:
            for doubt in proposal.doubts:
                click.echo(doubt, err=True)
        given["reader"] = given["reader"] or proposal.reader
        for key in ("publisher", "licence"):
            given[key] = given[key] or click.prompt(key.capitalize())
    source = register(workspace, file, given, retrieved=date.today())
    who = f", reported by {source.reported_by}" if source.reported_by else ""
    click.echo(f"data/raw/{source.file} is registered as {source.name!r}: reader {source.reader}{who}.")
    if proposal and proposal.reader == source.reader:
        _offer(workspace, source.name, proposal, is_agreed=yes)


def _offer(workspace: Workspace, name: str, proposal: Proposal, *, is_agreed: bool) -> None:
    """Write how the file is read into study.toml; on a terminal show it and ask first."""
    from tensionmap.pipeline import reading_as_toml
    from tensionmap.workspace import write_reading

    block = reading_as_toml(proposal, name)
    if not block:
        return
    if name in workspace.study.ingest.files:
        click.echo(f"study.toml says already how {name!r} is read; it was left as it is.")
        return
    if sys.stdin.isatty() and not is_agreed:
        click.echo(block)
        if not click.confirm("Write this into study.toml?", default=True):
            return
    write_reading(workspace, block)
    click.echo(f"study.toml now says how {name!r} is read. Look at its lines with #: they are doubts that only you can settle.")


@main.command()
@click.argument("name", required=False)
@click.argument("options", nargs=-1, metavar="[OPTION=VALUE]...")
def fetch(name: str | None, options: tuple[str, ...]) -> None:
    """Download the public layer NAME into data/raw and register it; without NAME, list what there is."""
    from tensionmap.catalogue import fetch as fetch_layer
    from tensionmap.catalogue import find_entry
    from tensionmap.workspace import find_workspace

    if name is None:
        _list_catalogue()
        return
    chosen = {key: value for key, _, value in (option.partition("=") for option in options)}
    entry = find_entry(name)
    with _Teller() as teller:
        fetched = fetch_layer(
            find_workspace(Path.cwd()),
            entry,
            options=chosen,
            today=date.today(),
            tell=lambda file, done, total: teller.progresses(f"{file}, kB", done // 1000, (total or done + 1000) // 1000),
        )
    for source in fetched.sources:
        click.echo(f"data/raw/{source.file} is registered as {source.name!r}: reader {source.reader}, {source.licence}.")
    click.echo(f"Name the source on every map: {entry.citation}")
    if fetched.hint:
        click.echo(fetched.hint)


@main.command()
def check() -> None:
    """Test the settings and the raw files, and name every fault at once."""
    from tensionmap.pipeline import check as check_study
    from tensionmap.workspace import find_workspace

    with _Teller() as teller:
        workspace = find_workspace(Path.cwd())
        check_study(workspace, teller)
    click.echo(f"{workspace.study.name}: the settings are sound. Raw files read as registered: {len(workspace.sources)}.")


@main.command()
@click.argument("stage", type=click.Choice(STAGES), default=STAGES[-1])
def run(stage: str) -> None:
    """Bring everything up to date, as far as STAGE (by default all)."""
    from tensionmap.pipeline import run as run_pipeline
    from tensionmap.workspace import find_workspace

    with _Teller() as teller:
        workspace = find_workspace(Path.cwd())
        run_pipeline(workspace, stage, teller)
    if stage == STAGES[-1]:
        click.echo(f"The maps lie in {_shown(workspace.root / 'maps')}.")


@main.command()
@click.argument("folder", metavar="[FOLDER]", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--prove", is_flag=True, help="Also run link to publish again for every change of private data: minutes.")
@click.option(
    "--page", type=click.Path(path_type=Path, dir_okay=False), help="Write the verdict there as a page (.html) or JSON."
)
def audit(folder: Path | None, prove: bool, page: Path | None) -> None:
    """Attack every file in FOLDER (by default the maps) before it is handed out; exit 1 if anything is found."""
    from tensionmap.pipeline import audit_folder
    from tensionmap.workspace import find_workspace

    workspace = find_workspace(Path.cwd())
    with _Teller() as teller:
        verdict = audit_folder(workspace, folder, teller, is_proved=prove)
    if page:
        page.write_bytes(verdict.as_json() if page.suffix == ".json" else verdict.as_page())
        click.echo(f"The verdict lies in {_shown(page)}.")
    for note in verdict.notes:
        click.echo(f"Note: {note}")
    for found in verdict.findings:
        click.echo(f"{found.attack}  {found.file}: {found.what}")
    if not verdict.is_passed:
        raise ReleaseError(
            f"NOT PASSED: {len(verdict.findings)} things were found in {len(verdict.files)} files. Hand nothing out."
        )
    click.echo(f"PASSED: {len(verdict.files)} files, {len(verdict.attacks)} attacks, nothing was found.")


@main.command()
@click.option("--community", "communities", multiple=True, help="A settlement, by name or identifier; give it again for more.")
@click.option("--all", "is_all", is_flag=True, help="Every community that ever held a meeting.")
@click.option("--council", "district", default="", help="The council's page of this district instead.")
@click.option("--quarter", default="", help="The quarter that is reported on, as 2026Q3; by default the last one told.")
@click.option("--lang", "languages", multiple=True, help="A language, as tg; by default those of the study.")
@click.option("--paper", type=click.Choice(["A4", "A3"]), default="A4", show_default=True)
def report(
    communities: tuple[str, ...], is_all: bool, district: str, quarter: str, languages: tuple[str, ...], paper: str
) -> None:
    """Make the pages for a meeting: maps, facts, contacts, a map to correct, a form; or the page for a council."""
    from tensionmap.pipeline import report as make_report
    from tensionmap.workspace import find_workspace

    if bool(communities) + is_all + bool(district) != 1:
        raise click.UsageError("Give --community NAME, --all or --council DISTRICT: one of them.")
    with _Teller() as teller:
        written = make_report(
            find_workspace(Path.cwd()),
            teller,
            communities=None if is_all else communities,
            district=district,
            quarter=quarter,
            languages=languages,
            paper=paper,
        )
    for path in written if len(written) <= MOST_LISTED else ():
        click.echo(_shown(path))
    click.echo(f"{len(written)} files passed the audit and lie in {_shown(written[0].parent)}.")


@main.command()
@click.option("--signed-off-by", "signers", multiple=True, required=True, help="Name and office; give it twice, for two people.")
@click.option("--withdraw-on", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the sheets; by default in 120 days.")
def release(signers: tuple[str, ...], withdraw_on: datetime | None) -> None:
    """Enter the community's maps into the ledger of what is out, so that later ones are held against them."""
    from tensionmap.pipeline import release as enter_release
    from tensionmap.workspace import find_workspace

    today = date.today()
    until = withdraw_on.date() if withdraw_on else today + timedelta(days=120)
    entry = enter_release(find_workspace(Path.cwd()), signed_off_by=signers, on=today, withdraw_on=until)
    click.echo(f"Release {entry.digest} is in the ledger, to be withdrawn on {entry.withdraw_on}. These files may be handed out:")
    for name in entry.files:
        click.echo(f"  {name}")
    click.echo("Keep a copy of data/released: without it nobody knows what is out.")


@main.command()
@click.argument("digest")
@click.option("--why", prompt=True, help="Why it is withdrawn.")
def withdraw(digest: str, why: str) -> None:
    """Mark the release DIGEST in the ledger as withdrawn. Collect its copies first: later maps are not held against it."""
    from tensionmap.pipeline import withdraw_release
    from tensionmap.workspace import find_workspace

    withdraw_release(find_workspace(Path.cwd()), digest, on=date.today(), why=why)
    click.echo(f"Release {digest} is withdrawn. docs/release.md says what else to do when something got out.")


@main.command()
@click.argument("out", metavar="OUT.zip", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--password-file", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Read the password from it.")
@click.option("--make-password", is_flag=True, help="Make a password of six random words (the safest), show it once.")
@click.option("--force", is_flag=True, help="Replace OUT.zip if there is one.")
def lock(out: Path, files: tuple[Path, ...], password_file: Path | None, make_password: bool, force: bool) -> None:
    """Encrypt FILES, by default every map whose name begins with INTERNAL, into OUT.zip for transport."""
    from tensionmap import transport
    from tensionmap.workspace import find_workspace

    if password_file and make_password:
        raise click.UsageError("Give --password-file or --make-password, not both.")
    transport.require_installed()
    workspace = find_workspace(Path.cwd())
    _require_free(out, is_forced=force)
    chosen = _to_lock(workspace, files, out)
    password = transport.make_password() if make_password else _ask_password(password_file)
    if not make_password:
        transport.require_strong(password, study=workspace.study.name)
    contents = {path.as_posix(): path.read_bytes() for path in chosen}
    partial = out.with_name(f".{out.name}.partial")
    try:
        partial.write_bytes(transport.lock(contents, password))
        transport.require_opens(partial.read_bytes(), password, contents)
        partial.replace(out)
    except OSError as error:
        raise WorkspaceError(f"{_shown(out)} cannot be written. Close it in other programs, or choose another folder.") from error
    finally:
        partial.unlink(missing_ok=True)
    click.echo(f"{_shown(out)} holds these files, encrypted (AES-256), opened again and compared:")
    for path in chosen:
        click.echo(f"  {path.name}")
    click.echo(
        "It opens with 7-Zip, WinZip or PeaZip; Windows alone does not open it. Names and sizes can be read without password."
    )
    if make_password:
        click.echo(f"The password, shown only now ({transport.ENTROPY_BITS} bits):\n\n  {password}\n")
    click.echo("Hand the password over by another way than the file. Without it nobody can open the file, and nobody can help.")


def _require_free(out: Path, *, is_forced: bool) -> None:
    """Refuse a target that would overwrite something, or that cannot be."""
    if out.suffix.lower() != ".zip":
        raise ReleaseError(f"{out.name}: the locked file must have a name that ends in .zip.")
    if not out.parent.is_dir():
        raise WorkspaceError(f"{_shown(out.parent)}: there is no such folder. Make it first.")
    if out.exists() and not is_forced:
        raise ReleaseError(f"{_shown(out)} is there already and was kept. Choose another name, or replace it with --force.")


def _to_lock(workspace: Workspace, files: Sequence[Path], out: Path) -> list[Path]:
    """The files that go into the parcel: those named, else all internal ones; never raw or processed data."""
    found = files or sorted(path for path in (workspace.root / "maps").rglob("INTERNAL*") if path.is_file())
    chosen = [path for path in found if files or path.resolve() != out.resolve()]
    if not chosen:
        raise ReleaseError("maps/ holds no file whose name begins with INTERNAL. Run 'tensionmap run', or name the files.")
    data = [folder.resolve() for folder in (workspace.raw, workspace.raw.parent)]
    for path in chosen:
        if any(path.resolve().is_relative_to(folder) for folder in data):
            raise ReleaseError(
                f"{_shown(path)} lies under data/. Raw reports and tables are not sent; lock the maps that were made from them."
            )
        if path.resolve() == out.resolve():
            raise ReleaseError(f"{_shown(path)} cannot be put into itself. Choose another name for OUT.zip.")
    return chosen


def _ask_password(file: Path | None) -> str:
    """The password from its file, or typed twice; never from the command line or the environment, where others can see it."""
    if file is None:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        lines = file.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ReleaseError(f"{file.name} is not plain text. Save it again as UTF-8.") from error
    if len(lines) != 1:
        raise ReleaseError(f"{file.name} has {len(lines)} lines. It must hold the password on one line and nothing else.")
    return lines[0]


@main.command()
@click.argument("scans", metavar="SCAN...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--to", "target", type=click.Path(path_type=Path, dir_okay=False), help="One GeoPackage for all SCANs.")
@click.option("--code", default="", help="The sheet's code as it is printed, if its square code cannot be read.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def digitise(scans: tuple[Path, ...], target: Path | None, code: str, force: bool) -> None:
    """Bring what people drew on SCANs of correction sheets back as features, beside each SCAN.

    Strokes of residents are private: they stay in the house until an analyst has looked at each and accepted it.
    """
    from tensionmap.pipeline import digitise_scans

    if target and target.suffix.lower() != ".gpkg":
        raise click.UsageError(f"{target.name}: the file for --to must have a name that ends in .gpkg.")
    groups = {target: scans} if target else {scan.with_suffix(".gpkg"): (scan,) for scan in scans}
    if not target and len(groups) < len(scans):
        raise click.UsageError("Two of the SCANs differ only in their ending. Rename one, or give one file for all with --to.")
    for file, members in groups.items():
        written, notes = digitise_scans(members, file, code=code, is_forced=force)
        for note in notes:
            click.echo(note)
        click.echo(f"Written: {', '.join(_shown(path) for path in written)}. Set is_accepted where a stroke is to count.")


@main.command()
def status() -> None:
    """Say which stages are fresh, and why the others are not."""
    from tensionmap.rerun import reasons
    from tensionmap.workspace import find_workspace

    stale: list[str] = []
    workspace = find_workspace(Path.cwd())
    for stage in STAGES:
        why = reasons(workspace, stage)
        if why:
            click.echo(f"{stage}: {'; '.join(why)}")
            stale.append(stage)
        else:
            click.echo(f"{stage}: fresh" + (f", but {stale[-1]} comes first" if stale else ""))


@main.command()
@click.argument("what", type=click.Choice(["study", "tables"]), default="study")
def schema(what: str) -> None:
    """Print the JSON schema of study.toml for editors, or the dictionary of all TABLES."""
    if what == "tables":
        from tensionmap.tables import data_dictionary

        click.echo(data_dictionary(), nl=False)
    else:
        import json

        from tensionmap.study import study_schema

        click.echo(json.dumps(study_schema(), indent=1, ensure_ascii=False))


def _list_catalogue() -> None:
    from rich.console import Console
    from rich.table import Table

    from tensionmap.catalogue import OPTIONS, entries

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = 200
    table = Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    for heading in ("options", "about MB", "what it is, and what it is good for"):
        table.add_column(heading, overflow="fold")
    for entry in entries().values():
        asked = " ".join(f"{name}={entry.defaults.get(name, '...')}" for name in entry.options)
        table.add_row(entry.name, asked, str(entry.size_mb), f"{entry.title}: {entry.good_for}.")
    console.print(table)
    click.echo("\n" + "\n".join(f"{name}=... {words}" for name, (_, words) in OPTIONS.items()))
    click.echo("For example: tensionmap fetch geonames iso2=TJ")


class _Teller:
    """Tells what a run does: lines always, a bar only on a terminal."""

    def __enter__(self) -> _Teller:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._console: Console = Console(highlight=False, markup=False, soft_wrap=True)
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar: Progress = Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._task: TaskID = self._bar.add_task("", total=None, visible=False)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def starts(self, stage: str, why: Sequence[str]) -> None:
        shown = "; ".join(why[:4]) + (f"; and {len(why) - 4} more" if len(why) > 4 else "")
        self._console.print(f"{stage}: {shown}" if why else f"{stage}: fresh, nothing to do")

    def notes(self, stage: str, text: str) -> None:
        self._console.print(f"  {stage}: {text}")

    def progresses(self, label: str, done: int, total: int) -> None:
        self._bar.update(self._task, description=label, completed=done, total=total, visible=done < total)


def _shown(path: Path) -> str:
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else str(path)
