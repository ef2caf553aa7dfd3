"""Figures as medians with their range, in one table with what they are measured against."""
import dataclasses
import statistics


def short(number):
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"


@dataclasses.dataclass
class Row:
    name: str
    values: list          # one a repetition; empty: not measured
    unit: str
    limit: float = None   # what it should stay below, or with at_least above
    at_least: bool = False
    note: str = ""

    def median(self):
        return statistics.median(self.values)

    def verdict(self):
        if self.limit is None or not self.values:
            return ""
        good = self.median() >= self.limit if self.at_least else self.median() <= self.limit
        sign = ">=" if self.at_least else "<="
        return f"{sign} {short(self.limit)} {'ok' if good else 'MISSED'}"

    def cells(self):
        if not self.values:
            return (self.name, "-", "", self.unit, "", self.note)
        spread = f"{short(min(self.values))} .. {short(max(self.values))}" if len(self.values) > 1 else ""
        return (self.name, short(self.median()), spread, self.unit, self.verdict(), self.note)


def paired_ratio(name, above, below, limit=None):
    """Of two rows that were measured in turns: the ratio of each pair."""
    return Row(name, [a / b for a, b in zip(above.values, below.values)], "times", limit)


def print_table(rows):
    head = ("what", "median", "min .. max", "unit", "should be", "")
    cells = [head] + [row.cells() for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for number, row in enumerate(cells):
        print("  ".join((text.rjust if column in (1, 2) else text.ljust)(widths[column])
                        for column, text in enumerate(row)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
