"""The page in a real browser: what is drawn, where, and what its controls change."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from maflab.body.model import BodyModel
from maflab.inference.drawing import colour_of
from maflab.viewer.result import Result, open_result
from maflab.viewer.server import url_of

from .clips import FOCAL, FRAMES, SIZE, brightness
from .serving import answering

pytestmark = pytest.mark.slow

LAST = 4  # the stage that is the result

Picture = np.ndarray


@pytest.fixture(scope="module")
def result(result_folder: Path) -> Result:
    return open_result(result_folder)


@pytest.fixture(scope="module")
def address(result: Result, tiny_body: BodyModel) -> Iterator[str]:
    with answering(result, tiny_body) as server:
        yield url_of(server)


class Viewer:
    """The page, its complaints, and what a person does with it."""

    def __init__(self, page: Any, address: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(60_000)  # a busy machine is no error of the page
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(address)
        self.settle(0, LAST)

    def settle(self, frame: int, stage: float, who: str = "all") -> None:
        self.page.wait_for_function("wanted => document.body.dataset.shown === wanted", arg=f"{frame} {stage:g} {who}")
        # Drawn at the next repaint, and on the screen at the one after it.
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def slide(self, name: str, value: float) -> None:
        script = "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }"
        self.page.locator(f"#{name}").evaluate(script, value)

    def picture(self, name: str) -> Picture:
        return np.array(Image.open(io.BytesIO(self.page.locator(f"#{name}").screenshot())).convert("RGB")).astype(int)

    def reset(self) -> None:
        self.page.locator("[data-track=all]").click()
        self.slide("frame", 12)
        self.slide("stage", LAST)
        for name, wanted in (("mesh", True), ("skeleton", False), ("over", True)):
            self.page.locator(f"#{name}").set_checked(wanted)
        self.settle(12, LAST)
        self.page.locator("#home").click()


@pytest.fixture(scope="module")
def opened(browser: Any, address: str) -> Iterator[Viewer]:
    context = browser.new_context(viewport={"width": 1280, "height": 760})
    yield Viewer(context.new_page(), address)
    context.close()


@pytest.fixture
def viewer(opened: Viewer) -> Viewer:
    opened.reset()
    return opened


def coloured(picture: Picture, identity: int) -> np.ndarray:
    """Where a picture has the hue of a person; everything else on the page is grey or blue."""
    wanted = np.array(colour_of(identity))
    bare = wanted - wanted.min()
    own = picture - picture.min(axis=-1, keepdims=True)
    norm = np.linalg.norm(own, axis=-1)
    return (norm > 40) & (own @ bare / (np.linalg.norm(bare) * np.maximum(norm, 1)) > 0.98)


def differing(one: Picture, other: Picture) -> int:
    return int((np.abs(one - other).max(axis=-1) > 24).sum())


def test_it_opens_without_a_complaint_and_asks_nobody_else(opened: Viewer, address: str) -> None:
    page = opened.page
    # What the drivers of a software renderer say about their own speed is not the page's fault.
    assert [text for text in opened.complaints if "GL Driver Message" not in text] == []
    assert all(url.startswith((address, "data:,")) for url in opened.requests)
    assert page.evaluate(
        "document.documentElement.scrollWidth <= innerWidth && document.body.scrollHeight <= innerHeight"
    )
    assert page.locator("#source").inner_text() == "clip.mp4"
    assert f"{SIZE[0]} × {SIZE[1]} · 10 fps · {FRAMES} frames" in page.locator("#facts").inner_text()
    assert page.locator("#complaint").is_hidden()
    assert page.locator("#marks span").all_inner_texts() == ["mean", "1", "2", "3", "result"]


def test_both_canvases_show_the_people(viewer: Viewer) -> None:
    for name in ("space", "shot"):
        picture = viewer.picture(name)
        assert coloured(picture, 1).sum() > 300
        assert coloured(picture, 2).sum() > 300
    shown = viewer.picture("space")
    viewer.page.locator("#mesh").uncheck()
    empty = viewer.picture("space")
    assert coloured(empty, 1).sum() < 20
    assert differing(shown, empty) > 1000


@pytest.mark.parametrize("frame", [3, 28])
def test_the_body_lies_on_the_picture_where_the_camera_saw_it(
    viewer: Viewer, result: Result, tiny_body: BodyModel, frame: int
) -> None:
    viewer.slide("frame", frame)
    viewer.settle(frame, LAST)
    track = result.recording.tracks[0]
    output = tiny_body(torch.from_numpy(track.rotations[frame : frame + 1]), torch.from_numpy(track.betas[:1]))
    points = output.vertices[0].numpy() + track.translation[frame]
    expected = FOCAL * points[:, :2] / points[:, 2:] + (np.array(SIZE) - 1) / 2  # pixels of the clip
    picture = viewer.picture("shot")
    rows, columns = np.nonzero(coloured(picture, 1))
    scale = picture.shape[1] / SIZE[0]
    for seen, wanted in ((columns, expected[:, 0]), (rows, expected[:, 1])):
        extent = (np.array([seen.min(), seen.max() + 1])) / scale - 0.5
        assert extent == pytest.approx([max(wanted.min(), -0.5), wanted.max()], abs=0.7)


def test_clip_and_bodies_are_scrubbed_together(viewer: Viewer) -> None:
    grey = """() => new Promise(done => {
        const video = document.getElementById("video"), canvas = document.createElement("canvas");
        const look = () => {
            if (video.seeking || video.readyState < 2) return setTimeout(look, 20);
            const pen = canvas.getContext("2d");
            pen.drawImage(video, 0, 0, 1, 1);
            done(pen.getImageData(0, 0, 1, 1).data[0]);
        };
        setTimeout(look, 60);
    })"""
    places = []
    for frame in (0, 39, 17, 18, 5):
        viewer.slide("frame", frame)
        viewer.settle(frame, LAST)
        assert viewer.page.evaluate(grey) == pytest.approx(brightness(frame), abs=2), frame
        assert viewer.page.locator("#time").inner_text() == f"{frame + 1} / {FRAMES} · {frame / 10:.2f} s"
        places.append(np.nonzero(coloured(viewer.picture("shot"), 1))[1].mean())
    assert np.argsort(places).tolist() == [0, 4, 2, 3, 1]  # the person walks to the right


def test_someone_who_is_not_in_the_frame_is_not_drawn(viewer: Viewer) -> None:
    viewer.slide("frame", 22)
    viewer.settle(22, LAST)
    for name in ("space", "shot"):
        picture = viewer.picture(name)
        assert coloured(picture, 1).sum() > 300
        assert coloured(picture, 2).sum() < 20


def test_one_person_at_a_time(viewer: Viewer) -> None:
    viewer.page.get_by_role("button", name="Person 2").click()
    viewer.settle(12, LAST, "1")
    picture = viewer.picture("space")
    assert coloured(picture, 2).sum() > 300
    assert coloured(picture, 1).sum() < 20


def test_the_iteration_slider_moves_the_mesh_into_place(viewer: Viewer) -> None:
    viewer.slide("frame", 36)
    viewer.settle(36, LAST)
    final = viewer.picture("shot")
    distances = []
    for stage in (0, 0.5, 1, 2, 3):
        viewer.slide("stage", stage)
        viewer.settle(36, stage)
        distances.append(differing(viewer.picture("shot"), final))
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 1000
    # The last one would be the result here, were it not turned towards the ray to the person.
    assert distances[-1] < 0.25 * distances[0]


def test_the_skeleton_is_inside_the_mesh_and_can_stand_alone(viewer: Viewer) -> None:
    plain = viewer.picture("space")
    viewer.page.locator("#skeleton").check()
    both = viewer.picture("space")
    assert differing(plain, both) > 500
    viewer.page.locator("#mesh").uncheck()
    bones = viewer.picture("space")
    assert 30 < coloured(bones, 1).sum() < 0.5 * coloured(plain, 1).sum()


def test_the_clip_can_be_seen_bare(viewer: Viewer) -> None:
    viewer.page.locator("#over").uncheck()
    picture = viewer.picture("shot")
    picture[: picture.shape[0] // 8] = picture[-1, -1]  # the label lies over it
    assert coloured(picture, 1).sum() == 0
    assert np.median(picture) == pytest.approx(brightness(12), abs=3)


def test_one_looks_from_anywhere(viewer: Viewer) -> None:
    page = viewer.page
    page.locator("#home").click()
    before = viewer.picture("space")
    box = page.locator("#space").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 120, y, steps=4)
    page.mouse.up()
    turned = viewer.picture("space")
    page.mouse.wheel(0, 600)
    page.wait_for_timeout(200)
    far = viewer.picture("space")
    assert differing(before, turned) > 1000
    assert coloured(far, 1).sum() < 0.7 * coloured(turned, 1).sum()
    page.locator("#home").click()
    assert differing(before, viewer.picture("space")) < 20


def test_files_can_be_downloaded(viewer: Viewer, result_folder: Path) -> None:
    links = viewer.page.locator("#files a")
    assert links.count() == 3
    assert viewer.page.locator("#files b").count() == 0  # names are text
    with viewer.page.expect_download() as waiting:
        links.nth(0).click()
    assert waiting.value.suggested_filename == "people.glb"
    assert Path(waiting.value.path()).read_bytes() == (result_folder / "people.glb").read_bytes()


def test_it_plays_to_the_end(viewer: Viewer) -> None:
    viewer.slide("frame", 25)
    viewer.settle(25, LAST)
    viewer.page.locator("#play").click()
    assert viewer.page.get_by_role("button", name="Pause").is_visible()
    viewer.page.get_by_role("button", name="Play").wait_for()
    viewer.settle(FRAMES - 1, LAST)


def test_without_its_video_the_result_is_still_there(
    browser: Any, result: Result, tiny_body: BodyModel, tmp_path: Path
) -> None:
    broken = tmp_path / "clip.mp4"
    broken.write_bytes(b"no video at all")
    damaged = result._replace(media=result.media._replace(files=[broken]))
    context = browser.new_context(viewport={"width": 1280, "height": 760})
    with answering(damaged, tiny_body) as server:
        viewer = Viewer(context.new_page(), url_of(server))
        viewer.page.locator("#unseen").wait_for()
        assert "cannot play the video's format" in viewer.page.locator("#unseen").inner_text()
        viewer.page.locator("#play").click()
        viewer.page.wait_for_function("() => Number(document.getElementById('frame').value) > 2")
        viewer.page.locator("#play").click()
        assert coloured(viewer.picture("shot"), 1).sum() > 300
        # And when the server has gone, the page says so.
        context.set_offline(True)
        viewer.slide("frame", 38)
        viewer.page.locator("#complaint").wait_for()
        assert "is it still running" in viewer.page.locator("#complaint").inner_text()
    context.close()
