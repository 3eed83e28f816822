"""The order of steps, and nothing else. A run reads what 1C and people left, then does the flows of the
profile:

    flow            extract                            transform                load
    parties         contractors, companies, contacts   identity, merge          portal, 1C
    products        catalogue of 1C and of the portal  identity, merge          portal, 1C
    documents-in    CommerceML of 1C                   facts, orders, stages    facts into the state, deals
    bank            1CClientBankExchange               money (matching)         payments, documents for 1C
    spreadsheet-in  a deal export saved by a person    billing                  as billing
    orders-out      deals, rows, smart invoices        documents, composition   CommerceML for 1C
    billing         deals under contract               billing                  charges: import file, register
    commission      deals, payment facts               commission               acts: import file, register

then derives stages from facts, writes them to the portal, and publishes what 1C must read. Everything runs
under the portal's lock and is journalled; a killed run is continued by the next one.
"""

from __future__ import annotations

import datetime as dt
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from etl import idle, scratch
from etl.config import capabilities
from etl.config.intake import globs
from etl.config.profile import Profile
from etl.errors import ConfigError, EtlError
from etl.exchange.folder import Exchange, sources
from etl.report import RunReport

if TYPE_CHECKING:
    from etl.flows.reading import Reading
    from etl.flows.run import Options, Run
    from etl.state.store import Store

#: flow -> module below `etl.flows` with `flow(run, reading)`. First those that read what others left, then
#: those that make something new.
READING = {
    "parties": "directories.parties",
    "products": "directories.products",
    "documents-in": "documents",
    "bank": "bank",
    "spreadsheet-in": "contracts.deal_export",
}
MAKING = {
    "orders-out": "orders.outgoing",
    "billing": "contracts.billing",
    "commission": "contracts.commission",
}


def run(
    profile: Profile,
    *,
    flows: Sequence[str] = (),
    month: str | None = None,
    trigger: str = "cli",
    now: dt.datetime | None = None,
    dry: bool = False,
    accept: bool = False,
    force_billing: bool = False,
) -> RunReport:
    """Do the flows (all of the profile without a list) and give the account of the run. `dry` is a plan: the
    same path on a copy. `month`, `accept`, `force_billing`: see `etl.flows.run.Options`.

    Raises EtlError: ConfigError, TryLater (portal or folder away, another run under way), NeedsPerson (guard,
    lost register).
    """
    from etl.flows.run import Options

    chosen = tuple(flows) or profile.flows
    options = Options(month, accept=accept, dry=dry, force_billing=force_billing)
    with opened(profile, chosen, trigger=trigger, now=now, options=options) as this:
        steps(this, chosen)
    if not dry:
        idle.accept(profile.path)
    return this.journal.report


def steps(run: Run, chosen: Sequence[str]) -> None:
    """One run, step by step."""
    from etl.flows import adrift, intake, registers, stages
    from etl.flows.portal import delivery, outbox, refusals
    from etl.flows.publication.file import publish

    outbox.recover(run.state)
    if run.profile.billing:
        # before anything is read or written: the results of a lost register would be shown as zeros
        registers.refuse_if_lost(run, run.portal)
    reading = intake.take(run)
    # whatever was asked for: a file that was taken is read by every flow that wants it, or its payments would
    # be lost
    for name, module in READING.items():
        if name in run.profile.flows:
            _flow(module)(run, reading)
    intake.finish(run, reading)
    stages.move(run)
    for name, module in MAKING.items():
        if name in chosen:
            _flow(module)(run, reading)
    publish(run)
    stages.move(run, ask=True)
    adrift.look(run)
    delivery.again(run)
    refusals.stand(run)


@contextmanager
def opened(
    profile: Profile,
    chosen: Sequence[str],
    *,
    trigger: str,
    now: dt.datetime | None = None,
    options: Options | None = None,
) -> Iterator[Run]:
    """State, lock, folder and journal around the steps of one run; the run's row is closed whatever
    happens.
    """
    from etl.flows.run import Clock, Journal, Options, Run
    from etl.flows.side import PortalSide

    given = options or Options()
    moment = now or dt.datetime.now(dt.UTC)
    capabilities.refuse(profile)
    _refuse_other_world(profile)
    with state(profile, moment, dry=given.dry) as store, store.lock():
        exchange = folder(profile, moment, dry=given.dry)
        exchange.prepare()
        number = store.runs.begin(trigger, chosen)
        report = RunReport(run=str(number), dry=given.dry)
        clock = Clock(moment, profile.onec.time_zone)
        portal = PortalSide(profile)
        try:
            yield Run(profile, given, store, exchange, clock, portal, Journal(store, number, report))
        except EtlError as error:
            store.runs.finish(number, "stopped", {"reason": type(error).__name__})
            raise
        except BaseException:
            store.runs.finish(number, "failed")
            raise
        finally:
            portal.close()
        if portal.deals_read:
            report.counts["deals_read"] = portal.deals_read
        report.asked = len(store.questions.open())
        store.runs.finish(number, "clean" if report.exit_code == 0 else "attention", report.counts)
        store.runs.forget(profile.state.keep_months)


def _refuse_other_world(profile: Profile) -> None:
    """A state that a rehearsal has filled holds invented charges: a real portal must never meet it."""
    rehearsed = profile.state_folder / "sandbox"
    address = profile.bitrix24.webhook_file
    embedded = profile.bitrix24.sandbox is not None or (address is not None and address.parent == rehearsed)
    if rehearsed.is_dir() and not embedded:
        raise ConfigError(
            "По этому профилю шла репетиция: в состоянии и папке обмена лежат вымышленные начисления.",
            f"Укажите другие [onec] folder и [state] folder либо уберите {profile.state_folder.name} "
            "и очистите папку обмена.",
        )


def state(profile: Profile, now: dt.datetime, *, dry: bool = False) -> Store:
    """The profile's state; for a plan a copy of it that is thrown away."""
    from etl.state.store import Store

    url = scratch.copied_state(profile) if dry else profile.state_url
    return Store.open(url, portal=profile.bitrix24.name, clock=lambda: now)


def folder(profile: Profile, now: dt.datetime, *, dry: bool = False) -> Exchange:
    """The exchange folder of a profile with everything it takes in; for a plan a copy of what lies in it."""
    place = scratch.copied_folder(profile) if dry else profile.folder
    taken = globs(profile.onec.dialect, profile.flows, extended=profile.onec.extended)
    spool = (place if dry else profile.state_folder) / "spool"
    return Exchange(
        place,
        spool,
        sources(taken),
        sentinel=profile.onec.sentinel,
        settle_seconds=profile.onec.settle_seconds,
        now=lambda: now,
    )


def _flow(module: str) -> Callable[[Run, Reading], None]:
    """The flow of a module below `etl.flows`, imported when it is needed."""
    flow: Callable[[Run, Reading], None] = importlib.import_module(f"etl.flows.{module}").flow
    return flow


def watch(profile: Profile, *, interval: float, say: Callable[[str], None]) -> None:
    """Follow the exchange folder until interrupted; every wake-up is an ordinary run."""
    from etl.exchange import watch as watching

    def once() -> None:
        report = run(profile, trigger="watch")
        if not report.quiet:
            say(report.text())

    exchange = folder(profile, dt.datetime.now(dt.UTC))
    exchange.prepare()
    watching.watch(exchange, once, state=profile.state_folder, rescan=interval)


def register(profile: Profile, *, month: str | None, now: dt.datetime | None = None) -> list[Path]:
    """Write the register of a month again, all versions; nothing is charged. Returns the files."""
    from etl.flows.contracts import books
    from etl.flows.run import Options

    with opened(profile, ("billing",), trigger="register", now=now, options=Options(month)) as this:
        return books.rewrite(this, this.month)


def convert(
    profile: Profile, files: Sequence[Path], *, month: str | None, now: dt.datetime | None = None
) -> RunReport:
    """The manual route: deal exports saved by a person -> the same charges, register and import files,
    without the portal.
    """
    from etl.flows.contracts import deal_export
    from etl.flows.publication.file import publish
    from etl.flows.run import Options

    with opened(profile, ("spreadsheet-in",), trigger="convert", now=now, options=Options(month)) as this:
        deal_export.convert(this, files)
        publish(this)
    return this.journal.report


def reconcile(profile: Profile, *, month: str | None, now: dt.datetime | None = None) -> RunReport:
    """Compare portal, 1C, register and bank of a month into a workbook."""
    from etl.flows.contracts import reconciliation
    from etl.flows.run import Options

    with opened(profile, (), trigger="reconcile", now=now, options=Options(month)) as this:
        reconciliation.write(this, this.month)
    return this.journal.report


def restore(profile: Profile, *, accept: bool = False, now: dt.datetime | None = None) -> RunReport:
    """Fill empty registers from the archived workbooks and the archived files of 1C. Raises NeedsPerson when
    they are not empty or the archive does not explain what was done (`accept`: a person says it is right all
    the same).
    """
    from etl.flows import restore as restoring
    from etl.flows.run import Options

    with opened(profile, (), trigger="restore", now=now, options=Options(accept=accept)) as this:
        restoring.restore(this)
    return this.journal.report
