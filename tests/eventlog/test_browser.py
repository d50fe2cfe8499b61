"""A real browser shows the lecture: TensorBoard's pages of a run, and our own page.

What each looked like is kept in `artifacts/`, to be looked at.
"""

import base64
import json
import pathlib
import re
import shutil
import time

import pytest

from xorlab import report

webdriver = pytest.importorskip(
    "selenium.webdriver", reason="selenium is not installed"
)

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="no chromium or no chromedriver on PATH "
        "(Debian: chromium, chromium-driver)",
    ),
]

ARTIFACTS = pathlib.Path(__file__).parents[2] / "artifacts"

# TensorBoard's page nests shadow roots, which selectors do not enter by themselves.
FIND = """
const find = (root, selector) => [
  ...root.querySelectorAll(selector),
  ...[...root.querySelectorAll('*')].filter(e => e.shadowRoot)
    .flatMap(e => find(e.shadowRoot, selector))];
const names = (selector) => find(document, selector).map(e => e.dataset.name);
"""
# A page that was open before is hidden, not gone.
SEEN = "const seen = (e) => e.checkVisibility({visibilityProperty: true});"
# All that can be read.
TEXT = (
    SEEN
    + """
const text = (root) => [...root.childNodes].map(node =>
  node.nodeType === Node.TEXT_NODE ? node.data
  : node.nodeType === Node.ELEMENT_NODE && !seen(node) ? ''
  : (node.shadowRoot ? text(node.shadowRoot) : '') + text(node)).join(' ');
return text(document.body).replace(/\\s+/g, ' ');
"""
)
# The addresses of all pictures that are loaded.
SHOWN = (
    FIND
    + SEEN
    + "return find(document, 'img').filter(e => seen(e) && e.naturalWidth > 300)"
    ".map(e => e.src)"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1500,2200",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(browser, finished_runs, serve):
    """Asks the graph page of the relu run; its answers are lists."""
    config, _ = finished_runs["relu"]
    browser.get(serve(config.run_dir) + "#graphs")

    def ask(script):
        return browser.execute_script(FIND + script)

    wait_until(lambda: "accuracy" in ask("return names('g.node')"))
    return ask


def wait_until(true, name="the page", seconds=60):
    for _ in range(seconds * 4):
        if true():
            return
        time.sleep(0.25)
    raise TimeoutError(f"{name} did not change as expected within a minute")


def keep(browser, name):
    """Keeps what a page looks like, once nothing has gone wrong on it."""
    severe = [x for x in browser.get_log("browser") if x["level"] == "SEVERE"]
    assert not severe
    ARTIFACTS.mkdir(exist_ok=True)
    assert browser.save_screenshot(ARTIFACTS / f"{name}.png")


# What the other pages say of the run.
SAID = {
    "timeseries": ["accuracy", "cost", "gradient_rms", "layer10", "pictures"],
    "scalars": ["tag: cost", "log10_gradient_rms_by_layer"],
    "distributions": ["tag: last/activation", "tag: last/kernel/gradient"],
    "histograms": ["tag: last/activation", "tag: last/kernel/gradient"],
    "text": ["initializer", "uniform", "tensorflow"],
    "hparams": ["deep-relu-seed22", "learning_rate", "accuracy"],
}


@pytest.mark.parametrize("name", SAID)
def test_each_page_tells_of_the_run(browser, finished_runs, serve, name):
    config, _ = finished_runs["relu"]
    browser.get(f"{serve(config.run_dir)}#{name}")
    wait_until(lambda: all(x in browser.execute_script(TEXT) for x in SAID[name]), name)
    keep(browser, name)


def test_the_graph_is_picture_04(page, browser):
    layers = [f"layer{n}" for n in range(1, 11)] + ["last"]
    drawn = page("return names('g.node:not(.extract)')")
    assert set(drawn) == {"X-input", "Y-input", *layers, "cost", "accuracy"}
    for number, layer in enumerate(layers, start=1):
        node = f'g.node[data-name="{layer}"] >'
        weights = page(f"return names('{node} .in-annotations > .annotation')")
        assert weights == [f"Weight{number}", f"Bias{number}"]
        after = page(f"return names('{node} .out-annotations > .annotation')")
        assert after == ["train"]
    heights = page(
        "return find(document, 'g.node:not(.extract) > .nodeshape')"
        ".map(e => [e.parentNode.dataset.name, e.getBoundingClientRect().top])"
    )
    from_the_input = sorted(heights, key=lambda pair: -pair[1])
    assert [name for name, _ in from_the_input if name in layers] == layers
    keep(browser, "graphs")


def test_layer6_opened_is_picture_10(page, browser):
    page(
        "find(document, 'g.node[data-name=\"layer6\"] .buttoncontainer')[0]"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    wait_until(lambda: "layer6/Relu" in page("return names('g.node')"))
    inside = page("return names('g.node[data-name=\"layer6\"] g.node.op')")
    assert set(inside) == {"layer6/MatMul", "layer6/add", "layer6/Relu"}
    beside = {
        op: page(f"return names('g.node[data-name=\"layer6/{op}\"] .annotation')")
        for op in ("MatMul", "add", "Relu")
    }
    assert beside == {"MatMul": ["Weight6"], "add": ["Bias6"], "Relu": ["train"]}
    keep(browser, "graphs-layer6")


def test_the_images_page_shows_the_pictures_of_the_run(browser, finished_runs, serve):
    config, _ = finished_runs["relu"]
    browser.get(serve(config.run_dir) + "#images")
    wait_until(lambda: len(browser.execute_script(SHOWN)) == 4)
    # An address holds what it is of in base 64.
    keys = [re.search("blob_key=(\\w+)", x)[1] for x in browser.execute_script(SHOWN)]
    shown = sorted(json.loads(base64.urlsafe_b64decode(f"{x}=="))[2] for x in keys)
    assert shown == [
        "pictures/1_gradients_by_layer",
        "pictures/2_gradients_over_time",
        "pictures/3_decision_surface",
        "pictures/4_four_rows_by_layer",
    ]
    keep(browser, "images")


def test_custom_scalars_has_a_chart_for_each_subject(browser, finished_runs, serve):
    config, _ = finished_runs["relu"]
    browser.get(serve(config.run_dir) + "#custom_scalars")
    cards = (
        FIND + "return find(document, 'tf-custom-scalar-multi-line-chart-card')"
        ".map(e => e.title || e.shadowRoot.textContent)"
    )
    wait_until(lambda: len(browser.execute_script(cards)) == 4)
    said = " ".join(browser.execute_script(cards))
    for subject in ("Cost", "Accuracy", "Gradient by layer", "Gradient over time"):
        assert subject in said
    keep(browser, "custom_scalars")


def test_the_page_of_runs_shows_all_its_pictures(browser, finished_runs, tmp_path):
    runs = [finished_runs[name][0].run_dir for name in ("sigmoid", "relu")]
    path = tmp_path / "report.html"
    path.write_text(report.page(runs), encoding="utf-8")
    browser.get_log("browser")
    browser.get(path.as_uri())
    pictures = path.read_text(encoding="utf-8").count("<img")
    wait_until(lambda: len(browser.execute_script(SHOWN)) == pictures)
    wide = browser.execute_script(
        "return document.documentElement.scrollWidth > window.innerWidth"
    )
    assert not wide and not browser.get_log("browser")
    keep(browser, "report")
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    browser.refresh()
    width = browser.execute_script("return document.documentElement.scrollWidth")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert width == 390
