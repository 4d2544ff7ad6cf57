"""Who comes in changes the picture; noise and the people who are known do not count."""

import numpy as np

from maflab.inference.elsewhere import Elsewhere

KNOWN = np.array([[100, 40, 160, 200]], np.float32)


def picture(seed: int, *people: tuple[int, int]) -> np.ndarray:
    """A noisy room with dark figures of 40 x 100 pixels that stand at some places."""
    image = np.random.default_rng(seed).normal(120, 12, (240, 320, 3))
    for x, y in people:
        image[y : y + 100, x : x + 40] -= 80
    return image.clip(0, 255).astype(np.uint8)


def test_a_new_place_has_changed() -> None:
    elsewhere = Elsewhere()
    assert elsewhere.changed(picture(0), KNOWN)
    elsewhere.searched(picture(0), KNOWN)
    assert not elsewhere.changed(picture(1), KNOWN)
    elsewhere.forget()
    assert elsewhere.changed(picture(2), KNOWN)


def test_who_comes_in_is_noticed_and_who_is_known_is_not() -> None:
    elsewhere = Elsewhere()
    elsewhere.searched(picture(0, (110, 60)), KNOWN)
    assert not elsewhere.changed(picture(1, (115, 80)), KNOWN), "known, and has moved"
    assert elsewhere.changed(picture(2, (110, 60), (250, 60)), KNOWN), "somebody at the right"
    nobody = np.zeros((0, 4), np.float32)
    elsewhere.searched(picture(3), nobody)
    assert elsewhere.changed(picture(4, (110, 60)), nobody)
    assert not elsewhere.changed(picture(5, (110, 60)), KNOWN), "came, and was found by a look at another"
