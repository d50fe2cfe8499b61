"""TensorBoard in a real browser draws the lecture's pictures 04 and 10."""

import shutil
import time

import pytest

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

# TensorBoard's page nests shadow roots, which selectors do not enter by themselves.
FIND = """
const find = (root, selector) => [
  ...root.querySelectorAll(selector),
  ...[...root.querySelectorAll('*')].filter(e => e.shadowRoot)
    .flatMap(e => find(e.shadowRoot, selector))];
const names = (selector) => find(document, selector).map(e => e.dataset.name);
"""


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


def wait_until(true, seconds=60):
    for _ in range(seconds * 4):
        if true():
            return
        time.sleep(0.25)
    raise TimeoutError("the page did not change as expected within a minute")


def test_the_graph_is_picture_04(page):
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


def test_layer6_opened_is_picture_10(page):
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
