"""Run the payment server by itself, to deliver to the checkout by hand: python examples/checkout/payments.py"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from twicesafe.lab.payments import PaymentServer

if TYPE_CHECKING:
    from twicesafe.lab.payments import Charge


def tell(charge: Charge, is_new: bool) -> None:
    print("charged" if is_new else "asked again, and not charged", charge.id, charge.request, flush=True)


with PaymentServer(port=4242) as payments:
    payments.before_answering = tell
    print(f"Payments at {payments.url}; Ctrl-C ends it.", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print(f"{len(payments.ledger.charges)} charges")
