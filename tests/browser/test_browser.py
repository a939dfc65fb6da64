"""Pages in a browser: read, sorted, filtered, copied, on a desk and on a phone, in light and dark.

They need Chromium and, for the rules of accessibility, axe-core: `make test-browser` gets what it
can and says what is missing.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import made_catalogue
import pandas as pd
import pytest
import report_tables
import test_catalogue_page
import test_insight
import test_report
import test_searches
import test_summary
from biornn import insight

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(__file__).parent / "node_modules/axe-core/axe.min.js"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

HOSTILE = "\"><img src=x onerror='window.hit=1'>"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 800}
SCORES = "table:has(caption:has-text('Test set, best first'))"


CHANGES = {"title": HOSTILE, "question": f"{HOSTILE}?"}


def numbers(folder):
    """A page with all that there can be of a numeric target."""
    jobs = [("train_model", f"net{at}.fold0", 10.0 + at, 500.0) for at in range(20)]
    jobs = pd.DataFrame(jobs, columns=["rule", "of", "seconds", "memory"])
    looked = [test_insight.written(folder / "looked" / name, genes=name == "genes")
              for name in ("net", "genes")]  # fmt: skip
    return test_report.render(
        replace(report_tables.tables(copies=3), benchmarks=jobs), [test_searches.found()],
        insight.read(looked), ["So."], explain={"motifs": {"source": "s"}},
        tune={"net": test_searches.TUNE["net"].model_dump()}, **CHANGES,
    )  # fmt: skip


def classes(folder):
    """A page whose classes and ids try to be markup."""
    tables = report_tables.of_task("hostile")
    tables = replace(tables, examples=tables.examples.assign(source_id=HOSTILE))
    return test_report.render(tables, **CHANGES)


def positions(folder):
    """A page of a target for each position."""
    return test_report.render(report_tables.of_task("positions"), **CHANGES)


def index(folder):
    """The page over several analyses."""
    one = test_summary.of(report_tables.tables(copies=3), **CHANGES)
    other = test_summary.of(report_tables.of_task("hostile"), "other", **CHANGES)
    return test_summary.index([one, other] * 4)


def published(folder):
    """The page over the published analyses."""
    paper = dict.fromkeys(made_catalogue.PAPER, HOSTILE)
    many = [made_catalogue.repeated(f"n{at}", gap=(0.2, 0.1, 0.3), paper=paper, **CHANGES)
            for at in range(16)]  # fmt: skip
    return test_catalogue_page.page(*many)


PAGES = {make.__name__: make for make in (numbers, classes, positions, index, published)}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A function that gives the address of a page, which is made when it is first asked for."""
    folder = tmp_path_factory.mktemp("pages")

    def address(name):
        path = folder / f"{name}.html"
        if not path.exists():
            path.write_text(PAGES[name](folder), encoding="utf-8")
        return path.as_uri()

    return address


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking",
                  "--disable-component-update", "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, pages):
    """A function that opens a page; it records what the page said and asked for."""
    contexts = []

    def open_page(name, size=DESK, scheme="light", **options):
        context = browser.new_context(viewport=size, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(pages(name))
        return page

    yield open_page
    for context in contexts:
        context.close()


def column(page, table, number):
    """What the shown cells of a column say first, from above."""
    return page.eval_on_selector_all(
        f"{table} tbody tr:not([hidden])",
        f"rows => rows.map(row => row.cells[{number}].firstChild.textContent.trim())",
    )


@pytest.mark.parametrize("name", PAGES)
def test_a_page_runs_without_errors_or_requests_and_hostile_text_stays_text(opened, name):
    page = opened(name)
    assert page.said == []
    others = [url for url in page.asked if not url.startswith("data:")]
    assert others == [page.url]
    assert page.evaluate("window.hit") is None
    assert page.locator("img:not([src^='data:image/'])").count() == 0
    if name in ("index", "published"):
        assert page.locator("tbody a").first.inner_text() == HOSTILE
    else:
        assert page.title() == page.locator("h1").inner_text() == HOSTILE
    if name == "classes":
        told = page.locator("main").inner_text()
        assert all(label in told for label in report_tables.HOSTILE_CLASSES) and HOSTILE in told


def test_a_script_that_is_not_ours_does_not_run(opened):
    page = opened("numbers")
    page.evaluate("""() => {
        const script = document.createElement("script");
        script.textContent = "window.hit = 1";
        document.body.append(script);
    }""")
    assert page.evaluate("window.hit") is None
    assert any("Content Security Policy" in line for line in page.said)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_not_scroll_sideways(opened, name):
    page = opened(name)
    for width in (1280, 375, 320):
        page.set_viewport_size({"width": width, "height": 800})
        # with all that can be opened
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("press", ["click", "Enter", "Space"])
def test_a_table_is_sorted_by_its_headings(opened, press):
    page = opened("numbers")
    heading = page.locator(f"{SCORES} thead th").filter(has_text="Mean squared error").first
    button = heading.get_by_role("button")

    def act():
        button.click() if press == "click" else button.press(press)

    act()
    assert heading.get_attribute("aria-sort") == "descending"
    values = [float(text) for text in column(page, SCORES, 3)]
    assert values == sorted(values, reverse=True) and len(set(values)) > 2
    act()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert [float(text) for text in column(page, SCORES, 3)] == sorted(values)
    assert page.locator(f"{SCORES} [aria-sort]").count() == 1
    page.locator(f"{SCORES} thead button").first.press("Enter")
    names = column(page, SCORES, 0)
    assert names == sorted(names) and page.locator(f"{SCORES} [aria-sort]").count() == 1


def test_what_is_missing_comes_last_in_both_directions(opened):
    page = opened("numbers")
    heading = page.locator(f"{SCORES} thead th").filter(has_text="Pearson").first
    at = heading.evaluate("heading => heading.cellIndex")
    for direction in ("descending", "ascending"):
        heading.get_by_role("button").click()
        assert heading.get_attribute("aria-sort") == direction
        values = column(page, SCORES, at)
        assert values[-2:] == ["–", "–"] and "–" not in values[:-2]


def test_rows_are_filtered_by_what_is_typed(opened):
    page = opened("numbers")
    page.locator("#training summary").press("Enter")
    box = page.get_by_role("searchbox", name="Filter rows of: Each job's wall time")
    box.press_sequentially("Model NET1")
    jobs = "#training details table"
    assert column(page, jobs, 1) == [f"net{at}.fold0" for at in (1, *range(10, 20))]
    assert page.locator("#training output").inner_text() == "11 of 20 rows"
    box.fill("no such row")
    assert column(page, jobs, 1) == []
    box.fill("")
    assert len(column(page, jobs, 1)) == 20
    assert page.locator("#training output").inner_text() == ""


def test_published_numbers_are_filtered_sorted_and_lead_to_their_analysis(opened):
    page = opened("published")
    page.get_by_role("searchbox").fill("analyses=[n3]")
    shown = page.locator(".alone tbody tr:not([hidden])")
    assert shown.count() == 1
    heading = page.locator(".alone thead th").filter(has_text="ours").first
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    shown.locator("a").click()
    assert page.url.endswith("#of-n3") and page.locator("#of-n3 h2").is_visible()


def test_the_methods_text_is_copied(opened):
    page = opened("numbers")
    page.evaluate("navigator.clipboard.writeText = async text => { window.copied = text; }")
    page.get_by_role("button", name="Copy the methods text").press("Enter")
    assert page.locator("#methods output").inner_text() == "Copied"
    assert page.evaluate("copied").split() == ["Data.", "text", "more"]


def test_the_keyboard_comes_to_the_content_first(opened):
    page = opened("numbers")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert page.locator("a.skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    assert page.locator("[tabindex]:not([tabindex='0'])").count() == 0


def test_the_contents_stay_on_a_desk_and_fold_on_a_phone(opened):
    desk = opened("numbers")
    link = desk.get_by_role("navigation", name="Contents").get_by_role("link", name="Errors")
    link.click()
    assert link.is_visible() and desk.locator("nav details").get_attribute("open") is not None
    assert link.bounding_box()["y"] < 900
    phone = opened("numbers", PHONE)
    links = phone.locator("nav.contents a")
    assert not links.first.is_visible()
    phone.locator("nav.contents summary").press("Enter")
    assert links.first.is_visible()
    links.filter(has_text="Results").click()
    assert not links.first.is_visible() and phone.url.endswith("#results")


def test_without_a_script_all_is_there(opened):
    page = opened("numbers", PHONE, java_script_enabled=False)
    assert page.locator(f"{SCORES} tbody tr").first.is_visible()
    assert page.locator("nav.contents a").first.is_visible() and page.locator("button").count() == 0


def test_print_has_all_of_it_and_no_navigation(opened):
    page = opened("numbers")
    closed = page.locator("details:not([open])").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed and page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("nav.contents").is_visible()
    assert not page.get_by_role("searchbox").first.is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed (make test-browser)")
@pytest.mark.parametrize("name", ["numbers", "positions", "index", "published"])
@pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["light", "dark"]
)
def test_the_rules_of_accessibility_are_kept(opened, name, scheme, size):
    page = opened(name, size, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 20
    bad = [
        (rule["id"], node["html"][:200], node["failureSummary"])
        for rule in found["violations"] if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]  # fmt: skip
    assert bad == []
