"""What the judge of tests/fault must find, and what it must let pass."""
import pytest

from counters import EPOCH
from follower import Seen
from verdict import Incident, Watch, judge_entry

ENTRY = ("out", "c1")
TEN_A_SECOND = 0.1


def seen(numbers, partition=0, incarnation=1):
    """Records of an epoch in the order in which they were read; number n was counted at n tenths of a second."""
    return [Seen(incarnation, partition, offset, EPOCH + number, None, number * TEN_A_SECOND, 0.0)
            for offset, number in enumerate(numbers)]


def notice(lost, after):
    return Seen(1, 0, 0, None, f"Lost {lost} events", after * TEN_A_SECOND + 0.01, 0.0)


def book(acknowledged, lost=0, **more):
    return {"received": acknowledged + lost, "acknowledged": acknowledged, "waiting": 0, "lost": lost, "coalesced": 0, "gaps": 0,
            **more}


def judged(records, of_books, incidents=(), last=None):
    """The findings' texts."""
    return [finding.text for finding in judge_entry(ENTRY, records, of_books, list(incidents), last and EPOCH + last)[1]]


def outage(**what):
    return Incident("outage", 3.0, 6.0, **what)


def test_all_numbers_once_and_in_order_are_well():
    assert judged(seen(range(1, 101)), book(100), last=100) == []


@pytest.mark.parametrize("missing", [2, 50, 99])
def test_a_lost_number_is_found(missing):
    numbers = [number for number in range(1, 101) if number != missing]
    (text,) = judged(seen(numbers), book(99), last=100)
    assert text.startswith("1 numbers are missing") and f"{EPOCH + missing}" in text and "1 unexplained" in text


def test_a_lost_number_is_found_though_an_incident_repeats_or_loses():
    numbers = [number for number in range(1, 101) if number != 40]
    incidents = [outage(repeats=True, loses=True)]
    assert any("1 unexplained" in text for text in judged(seen(numbers), book(99), incidents, 100))


def test_numbers_missing_at_the_end_are_found():
    assert any("3 unexplained" in text for text in judged(seen(range(1, 98)), book(97), last=100))


def test_a_gap_behind_the_last_number_read_needs_losses_that_may_have_taken_the_last_one():
    refusal, stop = outage(loses=True), Incident("stop and start", 6.5, 8.0, gap=True)
    until_60 = seen(range(1, 61))
    assert judged(until_60, book(60, lost=9, gaps=1), [refusal, stop], 100) == []
    # Without one of the two the tail is missing.
    assert any("40 numbers are missing" in text for text in judged(until_60, book(60, gaps=1), [refusal, stop], 100))
    assert any("31 unexplained" in text for text in judged(until_60, book(60, lost=9, gaps=1), [refusal], 100))
    assert any("unexplained" in text for text in judged(until_60, book(60, lost=9, gaps=1), [stop], 100))


@pytest.mark.parametrize("only", ["c1", "out", None])
def test_what_happens_to_an_entry_or_to_all_excuses_it(only):
    numbers = [*range(1, 31), *range(41, 101)]
    assert judged(seen(numbers), book(90, gaps=1), [outage(gap=True, only=only)], 100) == []
    assert judged(seen([*range(1, 40), *range(41, 101)]), book(99, lost=1), [outage(loses=True, only=only)], 100) == []


@pytest.mark.parametrize("only", ["c2", "c", "elsewhere"])
def test_what_happens_to_another_entry_excuses_nothing(only):
    numbers = [*range(1, 31), *range(41, 101)]
    assert any("10 unexplained" in text for text in judged(seen(numbers), book(90, gaps=1), [outage(gap=True, only=only)], 100))
    again = seen([*range(1, 51), 50, *range(51, 101)])
    assert judged(again, book(100), [outage(repeats=True, only=only)], 100) == ["1 repeats, 0 can be explained"]
    numbers = [number for number in range(1, 101) if number != 50]
    assert judged(seen(numbers), book(99, lost=1), [outage(loses=True, only=only)], 100) == \
        ["1 counted lost, and nothing that happened loses any of it"]


def test_an_entry_that_never_came_through_is_found():
    assert any("the last one read None" in text for text in judged([], book(0), last=100))


def test_a_number_that_is_counted_lost_is_well():
    numbers = [number for number in range(1, 101) if number != 50]
    assert judged(seen(numbers), book(99, lost=1), [outage(loses=True)], 100) == []


def test_a_loss_is_found_though_it_is_counted_where_nothing_may_lose():
    numbers = [number for number in range(1, 101) if number != 50]
    (text,) = judged(seen(numbers), book(99, lost=1), [outage(repeats=True)], 100)
    assert text == "1 counted lost, and nothing that happened loses any of it"


def test_more_losses_than_are_counted_are_found():
    numbers = [number for number in range(1, 101) if number not in (50, 60)]
    (text,) = judged(seen(numbers), book(98, lost=1), [outage(loses=True)], 100)
    assert "2 numbers are missing" in text and "1 unexplained" in text


def test_losses_that_are_counted_and_are_none_are_found():
    (text,) = judged(seen(range(1, 101)), book(100, lost=2), [outage(loses=True)], 100)
    assert text == "2 counted lost, 0 are missing"


def test_a_record_that_tells_of_losses_may_be_lost_itself_where_an_incident_says_so():
    numbers = [number for number in range(1, 101) if number != 50]
    assert judged(seen(numbers), book(99, lost=2), [outage(loses=True)], 100) == ["2 counted lost, 1 are missing"]
    assert judged(seen(numbers), book(99, lost=2), [outage(loses=True, notices=1)], 100) == []
    assert judged(seen(numbers), book(99, lost=3), [outage(loses=True, notices=1)], 100) == ["3 counted lost, 1 are missing"]


def test_a_gap_is_well_where_an_incident_leaves_one_and_the_books_count_it():
    numbers = [*range(1, 31), *range(41, 101)]
    incidents = [outage(gap=True)]
    assert judged(seen(numbers), book(90, gaps=1), incidents, 100) == []
    assert judged(seen(numbers), book(90), incidents, 100) == ["1 gaps in the numbers, 0 in the books"]


def test_what_was_refused_while_a_worker_died_is_a_loss_and_no_gap():
    numbers = [*range(1, 36), 38, *range(41, 101)]
    incidents = [outage(gap=True), Incident("records refused", 2.0, 7.0, loses=True)]
    assert judged(seen(numbers), book(96, lost=4), incidents, 100) == []
    assert judged(seen(numbers), book(96, gaps=2), incidents, 100) == []
    assert judged(seen(numbers), book(96, lost=2, gaps=1), incidents, 100) == []
    assert judged(seen(numbers), book(96), incidents, 100) == ["2 gaps in the numbers, 0 in the books"]
    assert judged(seen(numbers), book(96, lost=1), incidents, 100) == ["2 gaps in the numbers, 0 in the books, 1 may be losses"]
    elsewhere = [outage(gap=True), Incident("records refused", 8.0, 9.0, loses=True)]
    assert "2 gaps in the numbers, 0 in the books" in judged(seen(numbers), book(96, lost=4), elsewhere, 100)
    missing_too = [number for number in numbers if number not in (80, 81, 82, 83)]
    assert "2 gaps in the numbers, 0 in the books" in judged(seen(missing_too), book(92, lost=4), incidents, 100)


def test_a_gap_away_from_every_incident_is_found():
    numbers = [*range(1, 81), *range(91, 101)]
    assert any("10 unexplained" in text for text in judged(seen(numbers), book(90, gaps=1), [outage(gap=True)], 100))


def test_an_incident_that_leaves_no_gap_excuses_none():
    numbers = [*range(1, 31), *range(41, 101)]
    assert any("10 unexplained" in text for text in judged(seen(numbers), book(90, gaps=1), [outage()], 100))


def test_a_repeat_is_found():
    records = seen([*range(1, 51), 50, *range(51, 101)])
    assert judged(records, book(100), last=100) == ["1 repeats, 0 can be explained"]


def test_as_many_repeats_as_waited_when_something_died_are_well_and_not_many_more():
    again = seen([*range(1, 51), *range(41, 101)])
    died = outage(repeats=True, waiting={ENTRY: 10})
    assert judged(again, book(100), [died], 100) == []
    many = seen([*range(1, 81), *range(1, 101)])
    assert "80 repeats, 50 can be explained" in judged(many, book(100), [died], 100)


def test_an_incident_that_repeats_nothing_explains_no_repeat():
    assert judged(seen([*range(1, 51), 50, *range(51, 101)]), book(100), [outage(loses=True)], 100) == \
        ["1 repeats, 0 can be explained"]


def test_an_entry_that_lost_everything_has_no_last_number_to_show():
    assert judged([], book(0, lost=100), [outage(loses=True)], 100) == []


def test_disorder_is_found():
    records = seen([1, 2, 4, 3, *range(5, 101)])
    (text,) = judged(records, book(100), last=100)
    assert text == f"out of order 1 times, first {EPOCH + 3} after {EPOCH + 4}"


def test_order_is_asked_of_each_partition_and_each_incarnation_of_a_topic_alone():
    records = seen(range(51, 101)) + seen(range(1, 51), partition=1)
    assert judged(records, book(100), last=100) == []
    records = seen(range(51, 101)) + seen(range(1, 51), incarnation=2)
    assert judged(records, book(100), last=100) == []


def test_a_repeat_of_older_numbers_is_no_disorder():
    died = outage(repeats=True, waiting={ENTRY: 10})
    assert not any("order" in text for text in judged(seen([*range(1, 51), *range(41, 101)]), book(100), [died], 100))


def test_events_that_still_wait_are_found():
    assert "3 events still wait" in judged(seen(range(1, 101)), book(100, received=103, waiting=3), last=100)


def test_books_that_do_not_balance_are_found():
    assert any("do not balance" in text for text in judged(seen(range(1, 101)), book(100, received=101), last=100))


def test_records_that_are_counted_acknowledged_and_are_not_there_are_found():
    assert "101 counted acknowledged, 100 records are there" in judged(seen(range(1, 101)), book(101), last=100)


def test_records_that_are_there_and_were_counted_by_nobody_are_found():
    (text,) = judged(seen(range(1, 101)), book(99), last=100)
    assert text.startswith("100 records are there") and "99 counted acknowledged" in text


def test_what_went_with_a_deleted_topic_is_explained_by_what_was_acknowledged_and_nothing_more():
    erased = Incident("topic deleted", 3.0, 6.0, erased="out")
    numbers = [*range(1, 31), *range(41, 101)]
    assert judged(seen(numbers), book(100), [erased], 100) == []
    (text,) = judged(seen(numbers), book(94), [erased], 100)
    assert "4 went with the topic: 6 unexplained" in text
    other = Incident("topic deleted", 3.0, 6.0, erased="another")
    assert any("unexplained" in text for text in judged(seen(numbers), book(100), [other], 100))


def test_what_went_with_a_topic_right_after_a_death_is_no_gap_that_the_books_lack():
    death = Incident("worker killed", 2.0, 2.5, gap=True)
    erased = Incident("topic deleted", 3.0, 6.0, erased="out")
    numbers = [number for number in range(1, 101) if number != 31]
    assert judged(seen(numbers), book(100), [death, erased], 100) == []
    # Two runs are missing, and one event went with the topic.
    numbers.remove(28)
    (text,) = judged(seen(numbers), book(99), [death, erased], 100)
    assert text.startswith("2 gaps in the numbers, 0 in the books")
    # Where nothing went with the topic it is a gap.
    numbers.append(28)
    assert judged(seen(sorted(numbers)), book(99), [death, erased], 100) == ["1 gaps in the numbers, 0 in the books"]


def test_a_new_epoch_of_the_ioc_is_no_hole_and_what_is_missing_in_it_is():
    first = seen(range(1, 51))
    second = [Seen(1, 0, 50 + n, 2 * EPOCH + n, None, 6.0 + n * TEN_A_SECOND, 0.0) for n in (1, 2, 4)]
    restarted = Incident("IOC restarted", 5.0, 6.0)
    assert judged(first + second[:2], book(52), [restarted]) == []
    assert any("1 unexplained" in text for text in judged(first + second, book(53), [restarted]))


def test_a_notice_of_losses_is_counted_beside_the_events():
    numbers = [number for number in range(1, 101) if number != 50]
    sums, found = judge_entry(ENTRY, [*seen(numbers), notice(1, after=51)], book(99, lost=1), [outage(loses=True)], EPOCH + 100)
    assert not found and (sums.told_lost, sums.notices, sums.read, sums.numbers) == (1, 1, 100, 99)


def test_of_an_entry_that_was_removed_the_numbers_are_judged_all_the_same():
    numbers = [number for number in range(1, 101) if number != 50]
    assert any("1 numbers are missing" in text for text in judged(seen(numbers), None))
    assert judged(seen(range(1, 101)), None) == []


def looked(*books):
    watch = Watch()
    for one in books:
        watch.look({ENTRY: {"state": "CONNECTED", "worker": 0, **one}})
    return [finding.text for finding in watch.findings]


def test_a_look_at_balanced_books_that_grow_finds_nothing():
    assert looked(book(1), book(5, lost=1, gaps=1), book(5, lost=1, gaps=1)) == []


@pytest.mark.parametrize("name", Watch.COUNTERS)
def test_a_counter_that_falls_back_is_found(name):
    before = {counter: 10 for counter in Watch.COUNTERS}
    before.update(received=30, waiting=0)
    after = dict(before, waiting=0, **{name: before[name] - 1})
    if name == "received":
        after["acknowledged"] = 9
    elif name != "gaps":
        after["waiting"] = 1
    assert any(text.startswith(f"{name} fell back") for text in looked(before, after))


def test_a_look_at_books_that_do_not_balance_finds_it_once():
    wrong = book(5, received=6)
    (text,) = looked(wrong, wrong)
    assert "do not balance" in text


def test_less_than_nothing_that_waits_is_found():
    assert any("do not balance" in text for text in looked(book(5, received=4, waiting=-1)))
