"""The codes of core.data_findings, each with its sentence. What is found where is in assets/core."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from marketplace.durations import within
from marketplace.rules import LONGEST_SERVICE_MINUTES, THOUSANDS_BELOW_IDR

DATA_FINDINGS: Final[dict[str, str]] = {
    "amount_currency": "An amount is in another currency than rupiah and was not used.",
    "amount_disagrees": "Two amounts of one booking are further apart than rounding or a discount explains.",
    "amount_implausible": "An amount is too small or too large to be believed and was not used.",
    "amount_in_thousands": f"A total below {THOUSANDS_BELOW_IDR:,} was read as thousands of rupiah.",
    "amount_negative": "An amount is below zero and was not used.",
    "amount_unknown": "No amount over zero could be read: the booking is in no revenue figure.",
    "creation_unreadable": "The creation time cannot be read: the row is quarantined.",
    "flag_unreadable": "A yes-or-no attribute holds something else.",
    "in_the_future": "A time of something that has happened lies after the row was last changed and first stored.",
    "json_unreadable": "An attribute that should hold JSON cannot be parsed.",
    "kind_unknown": "The type of a message is not one of the known words.",
    "minutes_unreadable": "The duration is not a number of minutes"
    f" of at most {within(timedelta(minutes=LONGEST_SERVICE_MINUTES))}.",
    "mode_unknown": "The booking type is not one of the known words and was passed over.",
    "not_an_id": "An id or a word has not the form of one, and may be personal: a hash of it is published.",
    "number_unreadable": "A number cannot be read.",
    "phone_unreadable": "A phone number cannot be brought into international form.",
    "provider_type_unknown": "The provider type is neither therapist nor place.",
    "rate_unreadable": "A commission rate cannot be read or is over 100 %.",
    "reference_case": "A reference differs from the key it refers to in upper and lower case only.",
    "refund_amount_unknown": "A record was refunded in part and does not say how much: it counts as paid in full.",
    "role_unknown": "A role is not one of the known words.",
    "source_unknown": "The booking source is not one of the known words.",
    "status_unknown": "The status is empty or not one of the known words: the row is in no revenue figure.",
    "text_too_long": "A text is longer than a name, a word or a reference can be: it was not used.",
    "time_unreadable": "A time cannot be read, lies outside the plausible years, or is local to a provider whose zone"
    " is not known yet.",
    "timezone_unknown": "The provider's time zone is not known: the default is used.",
    "type_mismatch": "A value does not fit the type Appwrite lists for its attribute.",
    "value_set_aside": "A value is larger than what is mirrored: it was not kept.",
}
