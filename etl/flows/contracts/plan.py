"""The plan of a month from the register and the deals: what both the charging and its workbooks look at."""

from __future__ import annotations

import pandas as pd

from etl.config.profile import Billing
from etl.flows import facts
from etl.flows.run import Run
from etl.transform.contracts import billing
from etl.transform.money.paid import referred


def planned(run: Run, settings: Billing, month: str, deals: pd.DataFrame) -> billing.BillingPlan:
    """What billing says about the month, given the register and what 1C already refers to."""
    return billing.plan(
        deals,
        run.state.charges.rows(),
        month=month,
        settings=settings,
        organisations=run.profile.organisations,
        today=run.clock.today,
        version=run.state.charges.open_version(month),
        referred=referred_charges(run),
    )


def referred_charges(run: Run) -> set[str]:
    """Numbers of charges to which a payment or shipment refers: 1C does not take a correction of them."""
    return referred([*facts.payments(run), *facts.shipments(run)])
