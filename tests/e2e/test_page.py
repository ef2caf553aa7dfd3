"""The web page at "/", in a browser: headless Chromium, a real service with its broker and IOC."""
import re
import shutil
import signal

import pytest
from playwright.sync_api import expect, sync_playwright

from e2k_support.proc import free_port
from records import ao

pytestmark = pytest.mark.skipif(not shutil.which("chromium"), reason="there is no Chromium")
STRANGE = "x:<b>&'\"%/"
expect.set_options(timeout=15_000)  # a status comes every two seconds; a browser that has just started may be busy for some more


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        # Without its sandbox: in a container root has no namespaces to make one of.
        with playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]) as running:
            yield running


@pytest.fixture(scope="module")
def service(module_site, strict_broker):
    ioc = module_site.ioc("".join(ao(f"p{number}") for number in range(8)))
    port = free_port()
    supervisor = module_site.supervisor([ioc], {"control": {"http": f"127.0.0.1:{port}", "http_changes": "loopback"}},
                                         broker=strict_broker)
    supervisor.url, supervisor.ioc = f"http://127.0.0.1:{port}/", ioc
    topic = "out"
    strict_broker.create_topic(topic)
    for number in range(8):
        supervisor.monitor(f"p{number}", topic)
    supervisor.monitor(STRANGE, topic)
    supervisor.monitor("p0", "not-there")
    supervisor.wait(lambda s: s["channels"]["total"] == 10 and s["channels"]["pending"] == 0, 30, "all to be looked for")
    return supervisor


@pytest.fixture
def page(browser, service):
    """Whatever the page complains of in the console, or fetches from elsewhere, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(15_000)
    made = context.new_page()
    made.away, wrong = False, []  # away: Chromium complains itself of requests that fail
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") and not made.away else None)
    made.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith((service.url, "data:")) else None)
    made.goto(service.url)
    yield made
    made.close()
    context.close()
    assert not wrong


def test_state_reasons_and_rates_are_shown_and_follow(page, service):
    expect(page.locator("#state")).to_have_text(re.compile("RUNNING|DEGRADED"))
    expect(page.locator("#flow")).to_contain_text("events/s come")
    expect(page.locator("#reasons")).to_contain_text("TOPIC_BLOCKED")
    expect(page.locator("#reasons")).to_contain_text("not-there")
    before = int(page.locator("#figures dd").first.inner_text().replace(",", ""))
    for number in range(5):
        service.ioc.put("p1", number + 1.5)
    expect(page.locator("#figures dd").first).not_to_have_text(f"{before:,}")
    expect(page.locator("#rates")).to_have_attribute("aria-label", re.compile("received .*acknowledged .*a second"))
    assert page.locator("#rates polyline").count() == 2


def test_channels_are_searched_and_their_chain_is_shown(page):
    page.get_by_role("link", name="Channels", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_label("Name begins with").fill("x:")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    # A name is text, whatever is in it.
    page.get_by_role("link", name=STRANGE).click()
    expect(page.get_by_role("heading", name=STRANGE, exact=True)).to_be_visible()
    expect(page.locator(".chain .broken")).to_contain_text("IOC")
    page.goto(page.url.split("#")[0] + "#channel=p0")
    expect(page.locator(".chain")).to_have_count(2)
    expect(page.locator(".chain .broken")).to_contain_text("Kafka")


def test_channels_are_asked_for_a_page_at_a_time(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Channels", exact=True).click()
    expect(page.locator("caption")).to_have_text("10 entries")
    assert any("/channels?limit=100" in url for url in asked)


def test_what_it_changes_is_asked_first_and_done(page, service):
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("dialog")).to_contain_text("Pause publishing?")
    page.keyboard.press("Escape")
    assert service.status()["state"] != "PAUSED"
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#state")).to_have_text("PAUSED")
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("#state")).not_to_have_text("PAUSED")
    # Of the other one something waits that can't go: it is replaced later.
    slot = 1 - service.channel("p0")[0]["worker"]
    pid = service.workers()[slot]["pid"]
    page.get_by_role("row").filter(has=page.get_by_role("button", name="Restart")).nth(slot).get_by_role("button").click()
    page.get_by_role("button", name="Yes").click()
    service.wait(lambda status: all(worker["pid"] != pid for worker in status["workers"]), 20, "a new worker")


def test_a_service_that_goes_away_is_told(page, service):
    page.away = True
    service.child.signal(signal.SIGSTOP)
    try:
        expect(page.get_by_role("alert")).to_contain_text("does not answer", timeout=20_000)
    finally:
        service.child.signal(signal.SIGCONT)
    expect(page.locator("#away")).to_be_hidden()


def test_changes_are_shown_as_they_come_without_asking_for_them(page, service):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("link", name="Changes", exact=True).click()
    expect(page.locator("tbody")).to_contain_text("reason TOPIC_BLOCKED")
    service.monitor("p7", "another-not-there")
    expect(page.get_by_role("row").filter(has_text="channel p7 for another-not-there").first).to_be_visible()
    service.unset("p7", "another-not-there")
    assert not [url for url in asked if "/status" in url]


def test_all_of_it_is_reached_by_keyboard_and_has_a_name(page):
    # Both are there from the first status on.
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("button", name="Restart").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the tables")).to_be_focused()
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.textContent.trim().slice(0, 20)"))
    assert {"Pause", "Workers", "IOCs", "Channels", "Rejected commands", "Restart"} <= reached
    unnamed = page.evaluate("""[...document.querySelectorAll('button, a, input, select, svg, section')].filter((one) =>
        !one.textContent.trim() && !one.getAttribute('aria-label') && !one.labels?.length && !one.closest('[hidden]')).length""")
    assert unnamed == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_text_stands_out_in_light_and_dark(page, scheme):
    page.emulate_media(color_scheme=scheme)
    expect(page.locator("#state")).to_have_text(re.compile("RUNNING|DEGRADED"))
    contrasts = page.evaluate("""() => {
      const light = (colour) => { const [r, g, b] = colour.match(/[\\d.]+/g).map((v) => { v /= 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const behind = (one) => { for (; one; one = one.parentElement) { const c = getComputedStyle(one).backgroundColor;
        if (!/, 0\\)/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
      return ['h1', '#state', '#about', '#flow', '#figures dt', '#figures dd', '#reasons li', 'nav a', 'td', 'caption', '.in', '.out'].map((which) => {
        const one = document.querySelector(which); const [a, b] = [light(getComputedStyle(one).color), light(behind(one))];
        return [which, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; }); }""")
    assert not [one for one in contrasts if one[1] < 4.5]
