"""What a shot is made of, before any pixel: joints that move and paint that hangs on them, collected in plain lists.

Geometry is authored in the rest pose. A *contour* is an array (n, 3) of x,
y and a flag that is 1 where the outline has a
corner; it is a closed spline through its points. Outer contours run clockwise as seen (y down), holes the other way
round. A *mark* is one polygon with one paint, hung on one joint; an outlined part of a figure is two marks of one
contour, the line colour at +width/2 and the fill at -width/2, so that lines need no strokes of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

IDENTITY_POSE = (0.0, 0.0, 0.0, 0.0, 0.0)  # shift x, y; turn in radians; log scale x, y
NO_BEND = (0.0, 0.0, 0.0, 0.0)  # a, b, phase of the vertical bend; c of the horizontal one
# Shading within a mark, in rest coordinates: gradient origin x, y and direction x, y (1 / units), the colour it adds
# where the dot product reaches 1; texture number, frequency (tiles per unit), stretch along y, the colour it adds at
# its peaks.
NO_PAINT = (0.0,) * 13


@dataclass
class Joint:
    """A frame of motion under ``parent``: turn, scale and shift about ``pivot``, then a bend of what hangs on it.

    Every parameter is linear in (eased) time between ``pose_0`` and ``pose_1``,
    ``bend_0`` and ``bend_1``. The bend moves
    a point (u, v) of the rest pose to (u + f(v), v + g(u + f(v))) with r = max(v - bend_root, 0),
    f = a r^2 + b r sin(wave r + phase) and g = c (u - pivot_x)^2: two shears,
    so its inverse is exact. It does not reach
    the joint's children.
    """

    parent: int
    pivot: tuple[float, float]
    pose_0: tuple[float, ...] = IDENTITY_POSE
    pose_1: tuple[float, ...] = IDENTITY_POSE
    bend_root: float = 0.0
    wave: float = 0.0
    bend_0: tuple[float, ...] = NO_BEND
    bend_1: tuple[float, ...] = NO_BEND
    ease: float = 0.0


@dataclass
class Mark:
    """One polygon of one paint. ``clip`` is the mark inside which alone it shows (-1: everywhere).

    ``paint`` follows the joint's affine motion and not its bend: a mark on a joint that bends has none.
    """

    contours: list[np.ndarray]
    joint: int
    colour: tuple[float, float, float]
    piece: int
    offset: float = 0.0
    clip: int = -1
    paint: tuple[float, ...] = NO_PAINT
    backdrop: bool = False
    painted: bool = True
    texture: int = -1  # which of the scene's textures it shows, in place of its colour


@dataclass
class Texture:
    """A picture (h, w, 4) float32, colours multiplied with alpha, that lies on ``box`` (x, y, width, height) of the rest
    pose of the joint that its mark hangs on; its outermost pixels go on beyond. Unlike paint it follows a bend too."""

    pixels: np.ndarray
    box: tuple[float, float, float, float]


@dataclass
class Scene:
    """A shot in the making. ``marks`` are in painter's order: later ones cover earlier ones."""

    joints: list[Joint] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    pieces: int = 0
    blur: float = 0.0  # of the backdrop, in points (360 to the picture's height)
    backdrop: bool = False  # whether marks being added belong to the backdrop
    textures: list[Texture] = field(default_factory=list)

    def joint(self, parent: int, pivot: tuple[float, float] = (0.0, 0.0), **options: object) -> int:
        """Add a joint; returns its index."""
        self.joints.append(Joint(parent, pivot, **options))
        return len(self.joints) - 1

    def mark(self, contours: np.ndarray | list[np.ndarray], joint: int, colour: tuple[float, float, float], *,
             piece: int | None = None, **options: object) -> int:
        """Add one mark, as a piece of its own unless ``piece`` says otherwise; returns its index."""
        if piece is None:
            piece = self.new_piece()
        contours = contours if isinstance(contours, list) else [contours]
        self.marks.append(Mark(contours, joint, colour, piece, backdrop=self.backdrop, **options))
        return len(self.marks) - 1

    def textured(
        self, contour: np.ndarray, joint: int, pixels: np.ndarray, box: tuple[float, float, float, float],
        colour: tuple[float, float, float],
    ) -> int:
        """A mark that shows a Texture, clear where that is; ``colour`` is about its own. Returns its index."""
        self.textures.append(Texture(pixels, box))
        return self.mark(contour, joint, colour, texture=len(self.textures) - 1)

    def gate(self, contours: np.ndarray | list[np.ndarray], joint: int) -> int:
        """A mark that is not painted and only clips others; returns its index."""
        index = self.mark(contours, joint, (0.0, 0.0, 0.0), piece=0)
        self.marks[index].painted = False
        return index

    def new_piece(self) -> int:
        """A piece number not used so far."""
        self.pieces += 1
        return self.pieces - 1

    def part(self, contours: np.ndarray | list[np.ndarray], joint: int, fill: tuple[float, float, float],
             line: tuple[float, float, float] | None, width: float, **options: object) -> int:
        """An outlined part: the line's mark and the fill's, one piece. Returns the index of the fill, to clip to."""
        return self.joined([(contours, joint, fill)], line, width, **options)[0]

    def joined(self, parts: list[tuple], line: tuple[float, float, float] | None, width: float,
               **options: object) -> list[int]:
        """Parts (contours, joint, fill) outlined as one: no line where they overlap. Returns the fills' indices."""
        numbers = [self.new_piece() for _ in parts]
        clip = options.get("clip", -1)
        if line is not None and width > 0:
            for (contours, joint, _), piece in zip(parts, numbers, strict=True):
                self.mark(contours, joint, line, piece=piece, offset=width / 2, clip=clip)
        inset = -width / 2 if line is not None else 0.0
        return [
            self.mark(contours, joint, fill, piece=piece, offset=inset, **options)
            for (contours, joint, fill), piece in zip(parts, numbers, strict=True)
        ]

    def shade(self, mark: int, shift: tuple[float, float], colour: tuple[float, float, float]) -> int:
        """Cel shading: ``mark`` takes the shade ``colour``; a shifted copy of it, inside it, has the colour it had."""
        base = self.marks[mark]
        moved = [contour + np.array([shift[0], shift[1], 0.0]) for contour in base.contours]
        lit = self.mark(moved, base.joint, base.colour, clip=mark, offset=base.offset, paint=base.paint)
        base.colour = colour
        return lit
