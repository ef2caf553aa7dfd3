"""Curves as PNG, drawn by matplotlib, which only this needs (packaging/build --with plots)."""
import dataclasses
import math


@dataclasses.dataclass
class Point:
    """One run at one rate; latencies are NaN where they were not measured."""
    rate: float            # events a second that came
    us_per_event: float
    p50_ms: float
    p99_ms: float
    clean: bool            # the rate was reached, all of it was acknowledged, nothing lost


def why_not():
    """The remedy, where nothing can be drawn; else None. Better asked before an hour's measurement than after it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return "matplotlib is missing: packaging/build --no-build --with plots installs it"
    return None


def of_curve(path, points, subtitle):
    """points: {side: [Point]}. Processor time and latency against the rate, side by side; returns the file's path."""
    import matplotlib
    matplotlib.use("Agg")  # no screen is needed
    from matplotlib import pyplot
    figure, (cpu, late) = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    for number, (name, line) in enumerate(points.items()):
        colour = f"C{number}"
        _line(cpu, line, "us_per_event", colour, "-", name)
        for column, style in (("p50_ms", "--"), ("p99_ms", "-")):
            _line(late, line, column, colour, style, f"{name}, {column.partition('_')[0]}")
    _axes(cpu, "Processor time", "µs an event")
    _axes(late, "From the IOC's post to a reader", "ms")
    figure.suptitle(subtitle, fontsize="medium")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path


def _line(axes, line, column, colour, style, name):
    measured = [point for point in line if not math.isnan(getattr(point, column))]
    if not measured:
        return
    axes.plot([point.rate for point in measured], [getattr(point, column) for point in measured], style, color=colour, label=name)
    for clean in (True, False):
        chosen = [point for point in measured if point.clean == clean]
        axes.plot([point.rate for point in chosen], [getattr(point, column) for point in chosen], "o", color=colour,
                  fillstyle="full" if clean else "none")


def _axes(axes, title, unit):
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title(title)
    axes.set_xlabel("events a second (hollow: not clean)")
    axes.set_ylabel(unit)
    for axis, formatter in ((axes.xaxis, EngFormatter(sep="")), (axes.yaxis, "{x:g}")):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(formatter)
        axis.set_minor_formatter(NullFormatter())
    axes.grid(True, which="both", alpha=0.25)
    axes.legend()
