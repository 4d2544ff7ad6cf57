"""A small library of things people do, each a path through hand-written key poses (see `paths`)."""

from maflab.data.synthetic.paths import Action, Key


def _gait(stride: float, bent: float, lift: float, swing: float, elbow: float, lean: float) -> tuple[Key, ...]:
    """Key poses of one cycle of walking or running, contact to contact, from the stride's half angle in degrees."""

    def key(left_hip: float, right_hip: float, left_knee: float, right_knee: float, turn: float) -> Key:
        return {
            "left_hip_flex": left_hip, "right_hip_flex": right_hip, "left_knee": left_knee, "right_knee": right_knee,
            "hip_abduct": 2, "hip_turn": 4, "ankle": 4, "spine_bend": lean * 0.5, "lean": lean * 0.5,
            # An arm swings with the opposite leg; behind the body its plane points back.
            "left_arm_plane": 15 if right_hip > left_hip else 150,
            "right_arm_plane": 15 if left_hip > right_hip else 150,
            "left_arm_raise": 12 + swing * abs(turn), "right_arm_raise": 12 + swing * abs(turn),
            "elbow": elbow, "spine_twist": -6 * turn,
        }  # fmt: skip

    return (
        key(stride, -0.7 * stride, bent, bent + 12, 1),  # left heel strikes
        key(0.35 * stride, -0.1 * stride, bent + 12, lift, 0.3),  # right leg swings through
        key(-0.2 * stride, 0.9 * stride, bent, lift * 0.7, -0.5),
        key(-0.7 * stride, stride, bent + 12, bent, -1),  # right heel strikes
        key(-0.1 * stride, 0.35 * stride, lift, bent + 12, -0.3),
        key(0.9 * stride, -0.2 * stride, lift * 0.7, bent, 0.5),
    )


def _both(first: Key, second: Key) -> tuple[Key, Key]:
    return first, second


LIBRARY: dict[str, Action] = {
    "standing": Action(2.0, _both({}, {"hip_abduct": 14, "hip_turn": 14, "arm_raise": 22})),
    "contrapposto": Action(
        1.0,
        _both(
            {"tilt": 3, "left_knee": 12, "left_hip_flex": 10, "spine_side": -4},
            {"tilt": 8, "left_knee": 38, "left_hip_flex": 30, "left_hip_abduct": 12, "right_hip_abduct": -4,
             "spine_side": -9, "neck_side": 5},
        ),
    ),
    "walking": Action(2.5, _gait(26, 6, 55, 18, 22, 4), cyclic=True),
    "strolling": Action(1.0, _gait(16, 5, 38, 8, 14, 2), cyclic=True),
    "running": Action(1.6, _gait(46, 22, 105, 34, 88, 14), cyclic=True),
    "arms_out": Action(
        0.7, _both({"arm_raise": 45, "arm_plane": 88, "elbow": 8}, {"arm_raise": 95, "arm_plane": 85, "elbow": 5}),
        upper_only=True,
    ),
    "arms_up": Action(
        1.0,
        _both(
            {"arm_raise": 110, "arm_plane": 70, "elbow": 35, "collar_raise": 10},
            {"arm_raise": 168, "arm_plane": 70, "elbow": 8, "collar_raise": 20, "neck_bend": -8},
        ),
        upper_only=True,
    ),
    "arms_forward": Action(
        0.7, _both({"arm_raise": 45, "arm_plane": 12, "elbow": 40}, {"arm_raise": 95, "arm_plane": 5, "elbow": 8}),
        upper_only=True,
    ),
    "reaching": Action(
        1.4,
        _both(
            {"left_arm_raise": 60, "left_arm_plane": 20, "left_elbow": 45, "spine_bend": 6},
            {"left_arm_raise": 125, "left_arm_plane": 30, "left_elbow": 8, "left_collar_raise": 12,
             "left_collar_front": 12, "spine_bend": 12, "spine_twist": -18, "right_arm_plane": 130,
             "right_arm_raise": 22, "neck_bend": -10},
        ),
        upper_only=True,
    ),
    "pointing": Action(
        0.8,
        _both(
            {"left_arm_raise": 80, "left_arm_plane": 75, "left_elbow": 4, "neck_twist": 25, "spine_twist": 8},
            {"left_arm_raise": 100, "left_arm_plane": 25, "left_elbow": 4, "neck_twist": 5},
        ),
        upper_only=True,
    ),
    "waving": Action(
        1.2,
        _both(
            {"left_arm_raise": 75, "left_arm_plane": 75, "left_elbow": 105, "left_arm_twist": -60, "fingers": 0},
            {"left_arm_raise": 135, "left_arm_plane": 75, "left_elbow": 40, "left_arm_twist": -50, "fingers": 0,
             "left_collar_raise": 14},
        ),
        upper_only=True,
    ),
    "phone": Action(
        0.7,
        _both(
            {"left_arm_raise": 32, "left_arm_plane": 35, "left_elbow": 138, "left_arm_twist": 5, "neck_side": -6},
            {"arm_raise": 30, "arm_plane": 20, "elbow": 105, "arm_twist": 30, "neck_bend": 25},
        ),
        upper_only=True,
    ),
    "hands_on_hips": Action(
        1.0,
        _both(
            {"arm_raise": 44, "arm_plane": 112, "elbow": 98, "arm_twist": 62, "wrist_flex": 25},
            {"arm_raise": 52, "arm_plane": 104, "elbow": 108, "arm_twist": 70, "wrist_flex": 15},
        ),
        upper_only=True,
    ),
    "arms_crossed": Action(
        0.6,
        _both(
            {"arm_raise": 40, "left_arm_plane": 22, "right_arm_plane": 30, "elbow": 105, "left_arm_twist": 62,
             "right_arm_twist": 48},
            {"arm_raise": 50, "left_arm_plane": 12, "right_arm_plane": 22, "elbow": 98, "left_arm_twist": 70,
             "right_arm_twist": 55},
        ),
        upper_only=True,
    ),
    "hands_on_head": Action(
        0.6,
        _both(
            {"arm_raise": 110, "arm_plane": 65, "elbow": 128, "arm_twist": -25, "collar_raise": 12},
            {"arm_raise": 125, "arm_plane": 92, "elbow": 138, "arm_twist": -38, "collar_raise": 16},
        ),
        upper_only=True,
    ),
    "carrying": Action(
        0.8,
        _both(
            {"arm_raise": 15, "arm_plane": 30, "elbow": 82, "arm_twist": 12, "lean": -2},
            {"arm_raise": 38, "arm_plane": 25, "elbow": 65, "arm_twist": 25, "spine_bend": -8},
        ),
        upper_only=True,
    ),
    "boxing": Action(
        0.8,
        _both(
            {"arm_raise": 35, "arm_plane": 35, "elbow": 132, "arm_twist": 15, "spine_twist": -12, "left_hip_flex": 22,
             "right_hip_flex": -12, "knee": 22, "hip_abduct": 10},
            {"left_arm_raise": 88, "left_arm_plane": 5, "left_elbow": 12, "right_arm_raise": 32,
             "right_arm_plane": 35, "right_elbow": 132, "spine_twist": -28, "left_hip_flex": 32,
             "right_hip_flex": -14, "knee": 26, "hip_abduct": 10},
        ),
    ),
    "throwing": Action(
        0.9,
        _both(
            {"left_arm_raise": 95, "left_arm_plane": 100, "left_elbow": 95, "left_arm_twist": -60, "spine_twist": 28,
             "right_arm_raise": 70, "right_arm_plane": 35, "left_hip_flex": -14, "right_hip_flex": 30, "knee": 16},
            {"left_arm_raise": 105, "left_arm_plane": 20, "left_elbow": 25, "spine_twist": -25, "spine_bend": 22,
             "right_arm_raise": 35, "right_arm_plane": 130, "left_hip_flex": -20, "right_hip_flex": 42, "knee": 26},
        ),
    ),
    "kicking": Action(
        1.0,
        _both(
            {"left_hip_flex": -22, "left_knee": 78, "right_knee": 10, "lean": 5, "right_arm_raise": 48,
             "right_arm_plane": 45, "left_arm_raise": 42, "left_arm_plane": 110},
            {"left_hip_flex": 84, "left_knee": 8, "right_knee": 12, "lean": -9, "left_ankle": 25,
             "right_arm_raise": 58, "right_arm_plane": 50, "left_arm_raise": 45, "left_arm_plane": 115},
        ),
    ),
    "lunging": Action(
        1.0,
        _both(
            {"left_hip_flex": 38, "left_knee": 38, "right_hip_flex": -16, "right_knee": 22, "right_ankle": 8},
            {"left_hip_flex": 92, "left_knee": 95, "right_hip_flex": -22, "right_knee": 62, "right_ankle": -10,
             "right_toes": -32, "spine_bend": 8, "ankle": -8},
        ),
    ),
    "climbing": Action(
        0.8,
        _both(
            {"left_hip_flex": 50, "left_knee": 62, "right_knee": 8, "lean": 5, "left_arm_raise": 30},
            {"left_hip_flex": 98, "left_knee": 100, "right_knee": 10, "lean": 8, "right_arm_raise": 150,
             "right_arm_plane": 35, "left_arm_raise": 105, "left_arm_plane": 25, "elbow": 42},
        ),
    ),
    "crouching": Action(
        1.4,
        _both(
            {"lean": 12, "hip_flex": 48, "knee": 55, "ankle": -14, "spine_bend": 14, "arm_raise": 32, "arm_plane": 25,
             "elbow": 30, "hip_abduct": 10},
            {"lean": 22, "hip_flex": 112, "knee": 130, "ankle": -24, "spine_bend": 28, "arm_raise": 62,
             "arm_plane": 18, "elbow": 28, "hip_abduct": 16, "hip_turn": 15, "neck_bend": -18},
        ),
    ),
    "squatting": Action(
        0.8,
        _both(
            {"lean": 16, "hip_flex": 62, "knee": 62, "ankle": -15, "hip_abduct": 22, "hip_turn": 22, "arm_raise": 78,
             "arm_plane": 12, "elbow": 15},
            {"lean": 28, "hip_flex": 106, "knee": 106, "ankle": -22, "hip_abduct": 28, "hip_turn": 28,
             "arm_raise": 85, "arm_plane": 10, "elbow": 60},
        ),
    ),
    "sitting": Action(
        2.0,
        _both(
            {"hip_flex": 84, "knee": 84, "hip_abduct": 6, "spine_bend": 6, "arm_raise": 24, "arm_plane": 30,
             "elbow": 62, "arm_twist": 18},
            {"lean": -14, "hip_flex": 88, "knee": 66, "hip_abduct": 16, "hip_turn": 12, "spine_bend": 24,
             "arm_raise": 40, "arm_plane": 35, "elbow": 38, "neck_bend": 6},
        ),
    ),
    "sitting_low": Action(
        0.6,
        _both(
            {"lean": -12, "hip_flex": 98, "knee": 30, "hip_abduct": 10, "spine_bend": 20, "arm_raise": 48,
             "arm_plane": 140, "elbow": 10},
            {"lean": -14, "hip_flex": 112, "knee": 102, "hip_abduct": 16, "spine_bend": 28, "arm_raise": 68,
             "arm_plane": 22, "elbow": 42, "arm_twist": 20},
        ),
    ),
    "kneeling": Action(
        0.8,
        _both(
            {"left_hip_flex": 88, "left_knee": 92, "right_hip_flex": 4, "right_knee": 96, "right_ankle": 35,
             "arm_raise": 28, "arm_plane": 35, "elbow": 48},
            {"hip_flex": 12, "knee": 112, "ankle": 40, "lean": 4, "arm_raise": 18, "arm_plane": 30, "elbow": 30},
        ),
    ),
    "bending": Action(
        1.4,
        _both(
            {"lean": 18, "hip_flex": 20, "knee": 8, "spine_bend": 24, "arm_raise": 34, "arm_plane": 12, "elbow": 18},
            {"lean": 58, "hip_flex": 66, "knee": 20, "spine_bend": 52, "arm_raise": 88, "arm_plane": 12, "elbow": 8,
             "neck_bend": -12},
        ),
    ),
    "picking_up": Action(
        0.8,
        _both(
            {"lean": 32, "left_hip_flex": 62, "right_hip_flex": 42, "left_knee": 52, "right_knee": 62,
             "spine_bend": 28, "left_arm_raise": 55, "left_arm_plane": 12, "right_arm_raise": 28,
             "right_arm_plane": 120},
            {"lean": 46, "left_hip_flex": 104, "right_hip_flex": 66, "left_knee": 92, "right_knee": 102,
             "spine_bend": 38, "left_arm_raise": 82, "left_arm_plane": 15, "left_elbow": 8, "right_arm_raise": 36,
             "right_arm_plane": 40, "right_elbow": 72},
        ),
    ),
    "jumping": Action(
        0.8,
        _both(
            {"hip_flex": 26, "knee": 52, "ankle": 34, "arm_raise": 92, "arm_plane": 70, "hip_abduct": 14},
            {"left_hip_flex": 12, "right_hip_flex": 2, "knee": 36, "ankle": 40, "arm_raise": 152, "arm_plane": 72,
             "elbow": 12, "hip_abduct": 28, "spine_bend": -14},
        ),
    ),
    "dancing": Action(
        1.2,
        _both(
            {"left_arm_raise": 95, "left_arm_plane": 82, "left_elbow": 35, "right_arm_raise": 145,
             "right_arm_plane": 75, "right_elbow": 25, "left_knee": 45, "left_hip_flex": 38, "left_hip_abduct": 16,
             "spine_side": 10, "tilt": 5},
            {"left_arm_raise": 120, "left_arm_plane": 60, "left_elbow": 75, "right_arm_raise": 62,
             "right_arm_plane": 105, "right_elbow": 35, "right_knee": 32, "right_hip_abduct": 34,
             "right_hip_flex": 18, "spine_side": -12, "spine_twist": 18, "spine_bend": -8},
        ),
    ),
    "balancing": Action(
        0.6,
        _both(
            {"left_hip_flex": 62, "left_knee": 105, "left_hip_turn": 30, "left_hip_abduct": 26, "arm_raise": 72,
             "arm_plane": 85, "elbow": 12},
            {"lean": 62, "left_hip_flex": -18, "left_knee": 8, "right_hip_flex": 62, "right_knee": 6,
             "arm_raise": 88, "arm_plane": 85, "elbow": 6, "neck_bend": -28},
        ),
    ),
    "crawling": Action(
        0.4,
        _both(
            {"lean": 78, "left_hip_flex": 92, "right_hip_flex": 62, "knee": 92, "ankle": 32, "left_arm_raise": 72,
             "right_arm_raise": 96, "arm_plane": 10, "elbow": 8, "neck_bend": -30, "arm_twist": 10},
            {"lean": 84, "hip_flex": 8, "knee": 8, "ankle": -18, "toes": -30, "arm_raise": 78, "arm_plane": 22,
             "elbow": 8, "neck_bend": -26},
        ),
    ),
}  # fmt: skip
