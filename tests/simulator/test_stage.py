"""What actors stand on: the agenda, happenings, the diary of promised times, the roster."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.agenda import Agenda
from sandbox.simulator.chance import Chance
from sandbox.simulator.diary import Diary
from sandbox.simulator.happenings import Happening
from sandbox.simulator.journal import Journal
from sandbox.simulator.people import People
from sandbox.simulator.roster import Roster
from sandbox.simulator.times import HOUR, MINUTE
from sandbox.simulator.world import Provider


def test_actions_of_one_instant_are_carried_out_in_the_order_they_were_put_down() -> None:
    agenda = Agenda()
    done: list[Any] = []
    agenda.at(5, lambda at, name: done.append((at, name)), "second")
    agenda.at(3, lambda at, name: done.append((at, name)), "first")
    agenda.at(5, lambda at, name: done.append((at, name)), "third")
    while agenda.act(5):
        pass
    assert done == [(3, "first"), (5, "second"), (5, "third")]


def test_an_action_after_the_limit_waits() -> None:
    agenda = Agenda()
    done: list[Any] = []
    agenda.at(6, done.append)
    assert not agenda.act(5)
    assert agenda.act(6)
    assert done == [6]
    assert not agenda.act(99)


def test_a_happening_is_heard_in_the_order_of_its_hearers_now_or_at_its_instant() -> None:
    agenda = Agenda()
    heard: list[Any] = []
    happening: Happening[[str]] = Happening(agenda)
    happening.heard_by(lambda at, what: heard.append(("one", at, what)))
    happening.heard_by(lambda at, what: heard.append(("two", at, what)))
    happening.later(7, "later")
    happening.now(3, "now")
    assert heard == [("one", 3, "now"), ("two", 3, "now")]
    while agenda.act(7):
        pass
    assert heard[2:] == [("one", 7, "later"), ("two", 7, "later")]


def _providers(kind: str) -> list[Provider]:
    return [p for p in People(Chance(1), Journal(), findings=True).providers if p.kind == kind]


def test_a_therapist_is_promised_for_one_time_at_once_a_place_for_any() -> None:
    diary, therapist, place = Diary(), _providers("therapist")[0], _providers("place")[0]
    for provider in (therapist, place):
        diary.promise(provider, 2 * HOUR, HOUR)
    assert not diary.is_free(therapist, 2 * HOUR + MINUTE, MINUTE)
    assert not diary.is_free(therapist, HOUR, HOUR + 1)
    assert diary.is_free(therapist, HOUR, HOUR)
    assert diary.is_free(therapist, 3 * HOUR, HOUR)
    assert diary.is_free(place, 2 * HOUR, HOUR)
    assert diary.next_free(therapist, 2 * HOUR, HOUR) == 3 * HOUR
    assert diary.next_free(place, 2 * HOUR, HOUR) == 2 * HOUR


def test_nobody_is_booked_who_is_restricted_or_plays_a_planted_part() -> None:
    providers = _providers("therapist")
    roster = Roster(Chance(1), providers, Diary())
    roster.open[0].status = "RESTRICTED"
    chosen = [roster.any_free(lambda p: True, lambda p: True) for _ in range(300)]
    assert {p.role for p in chosen} == {"normal"}
    assert all(p.status != "RESTRICTED" for p in chosen)


def test_planted_debts_fall_to_defaulters_in_turn() -> None:
    roster = Roster(Chance(1), _providers("therapist"), Diary())
    given = [roster.planted({"default": ""}, number, lambda p: 0, HOUR) for number in range(3)]
    assert len({p.id for p in given if p}) == 3
    assert {p.role for p in given if p} == {"defaulter"}
    assert roster.planted({"orphan": "dangling"}, 9, lambda p: 0, HOUR) is None
