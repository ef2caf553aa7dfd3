"""Curves as SVG: no library is needed, every browser shows them."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 70, 20, 40, 50
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")


def draw(path, title, x_label, y_label, lines):
    """lines: {name: [(x, y)]}; both axes are logarithmic."""
    points = [point for line in lines.values() for point in line if point[1] > 0]
    x_of = _scale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_of = _scale([y for _, y in points], HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
           f'font-size="12"><rect width="100%" height="100%" fill="white"/>',
           f'<text x="{WIDTH / 2}" y="20" text-anchor="middle" font-size="15">{title}</text>',
           f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">{x_label}</text>',
           f'<text x="15" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 15 {HEIGHT / 2})">{y_label}</text>']
    for value in _ticks([x for x, _ in points]):
        out.append(f'<path d="M{x_of(value):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>'
                   f'<text x="{x_of(value):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{value:,g}</text>')
    for value in _ticks([y for _, y in points]):
        out.append(f'<path d="M{LEFT} {y_of(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y_of(value) + 4:.1f}" text-anchor="end">{value:,g}</text>')
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [(x_of(x), y_of(y)) for x, y in line if y > 0]
        out.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" fill="none" '
                   f'stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        out.append(f'<text x="{LEFT + 12}" y="{TOP + 16 + 16 * number}" fill="{colour}">{name}</text>')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*out, "</svg>\n"]), encoding="utf-8")
    return path


def _decades(values):
    return math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))


def _scale(values, first, last):
    low, high = _decades(values)
    return lambda value: first + (math.log10(value) - low) / max(1, high - low) * (last - first)


def _ticks(values):
    low, high = _decades(values)
    return [10 ** power * step for power in range(low, high + 1) for step in (1, 2, 5)
            if low <= math.log10(10 ** power * step) <= high]


def of_curve(folder, points):
    """points: {side: [(rate, us an event, p50 ms, p99 ms)]}. Returns the files."""
    cpu = {name: [(rate, us) for rate, us, _, _ in line] for name, line in points.items()}
    late = {f"{name}, {what}": [(point[0], point[column]) for point in line if not math.isnan(point[column])]
            for name, line in points.items() for what, column in (("p50", 2), ("p99", 3))}
    return [draw(folder / "cpu.svg", "Processor time", "events a second", "us an event", cpu),
            draw(folder / "latency.svg", "From the IOC's post to a reader", "events a second", "ms", late)]
