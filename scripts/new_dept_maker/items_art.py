"""What the items look like: flat parts, painted in order, in a square from -1 to 1 with v downwards."""

from dataclasses import dataclass

from new_dept_maker import canvas as shapes
from new_dept_maker.canvas import Colour, Distance, Frame, Point

METAL: Colour = (178, 186, 194)
DARK: Colour = (46, 48, 56)
LIGHT: Colour = (240, 238, 230)
GLASS: Colour = (170, 214, 200)


@dataclass(frozen=True)
class Box:
    """An upright box."""

    tone: str
    x: float
    y: float
    half_width: float
    half_height: float
    corner: float = 0.0

    def measure(self, frame: Frame) -> Distance:
        """Measure the distance to the part."""
        return shapes.box(frame, self.x, self.y, self.half_width, self.half_height, corner=self.corner)


@dataclass(frozen=True)
class Disc:
    """A filled circle."""

    tone: str
    x: float
    y: float
    radius: float

    def measure(self, frame: Frame) -> Distance:
        """Measure the distance to the part."""
        return shapes.disc(frame, self.x, self.y, self.radius)


@dataclass(frozen=True)
class Line:
    """A thick line."""

    tone: str
    half_width: float
    points: tuple[Point, ...]

    def measure(self, frame: Frame) -> Distance:
        """Measure the distance to the part."""
        return shapes.line(frame, self.points, self.half_width)


@dataclass(frozen=True)
class Polygon:
    """A filled outline."""

    tone: str
    points: tuple[Point, ...]

    def measure(self, frame: Frame) -> Distance:
        """Measure the distance to the part."""
        return shapes.polygon(frame, self.points)


Part = Box | Disc | Line | Polygon

ITEM_PARTS: dict[str, tuple[Part, ...]] = {
    "drill": (
        Line("metal", 0.05, ((0.6, -0.4), (1.0, -0.4))),
        Polygon("dark", ((0.4, -0.62), (0.74, -0.5), (0.74, -0.3), (0.4, -0.18))),
        Polygon("accent", ((-0.45, -0.3), (0.05, -0.3), (-0.08, 0.6), (-0.5, 0.6))),
        Box("body", -0.15, -0.4, 0.6, 0.28, 0.12),
        Line("dark", 0.05, ((0.1, -0.05), (0.02, 0.15))),
        Box("dark", -0.25, 0.7, 0.42, 0.2, 0.06),
        Line("dark", 0.025, ((-0.55, -0.48), (-0.3, -0.48))),
        Line("dark", 0.025, ((-0.55, -0.36), (-0.3, -0.36))),
    ),
    "lantern": (
        Line("metal", 0.05, ((-0.4, -0.5), (-0.3, -0.9), (0.3, -0.9), (0.4, -0.5))),
        Box("glass", 0.0, 0.0, 0.4, 0.5, 0.08),
        Disc("light", 0.0, 0.05, 0.2),
        Polygon("body", ((-0.25, -0.72), (0.25, -0.72), (0.52, -0.4), (-0.52, -0.4))),
        Box("body", 0.0, 0.68, 0.52, 0.24, 0.08),
        Disc("accent", 0.0, 0.68, 0.12),
        Line("dark", 0.03, ((-0.4, -0.4), (-0.4, 0.45))),
        Line("dark", 0.03, ((0.4, -0.4), (0.4, 0.45))),
    ),
    "gps": (
        Box("dark", 0.3, -0.8, 0.11, 0.2, 0.06),
        Box("body", 0.0, 0.05, 0.5, 0.85, 0.16),
        Box("dark", 0.0, -0.18, 0.4, 0.46, 0.04),
        Box("glass", 0.0, -0.18, 0.34, 0.4, 0.0),
        Line("accent", 0.04, ((-0.2, 0.1), (0.0, -0.15), (0.05, -0.3), (0.22, -0.45))),
        Disc("accent", 0.0, 0.6, 0.16),
        Disc("dark", -0.3, 0.6, 0.08),
        Disc("dark", 0.3, 0.6, 0.08),
    ),
    "camera": (
        Box("dark", -0.5, -0.55, 0.16, 0.12, 0.04),
        Box("accent", 0.15, -0.55, 0.3, 0.16, 0.05),
        Box("body", 0.0, 0.05, 0.85, 0.55, 0.12),
        Disc("dark", 0.12, 0.08, 0.42),
        Disc("metal", 0.12, 0.08, 0.33),
        Disc("glass", 0.12, 0.08, 0.24),
        Box("glass", -0.6, -0.26, 0.14, 0.12, 0.02),
        Line("accent", 0.05, ((-0.75, 0.4), (-0.45, 0.4))),
    ),
    "radio": (
        Line("dark", 0.06, ((-0.32, -0.3), (-0.32, -1.0))),
        Box("accent", 0.25, -0.52, 0.12, 0.12, 0.03),
        Box("body", 0.0, 0.22, 0.5, 0.72, 0.1),
        Box("glass", 0.0, -0.18, 0.34, 0.17, 0.03),
        Line("dark", 0.03, ((-0.3, 0.2), (0.3, 0.2))),
        Line("dark", 0.03, ((-0.3, 0.38), (0.3, 0.38))),
        Line("dark", 0.03, ((-0.3, 0.56), (0.3, 0.56))),
        Disc("accent", 0.0, 0.77, 0.1),
    ),
    "speaker": (
        Line("dark", 0.06, ((-0.5, -0.5), (-0.4, -0.85), (0.4, -0.85), (0.5, -0.5))),
        Box("body", 0.0, 0.1, 0.8, 0.65, 0.16),
        Disc("dark", -0.35, 0.15, 0.33),
        Disc("metal", -0.35, 0.15, 0.16),
        Disc("dark", 0.4, 0.3, 0.24),
        Disc("metal", 0.4, 0.3, 0.1),
        Box("glass", 0.4, -0.2, 0.25, 0.13, 0.03),
        Line("accent", 0.04, ((-0.6, -0.4), (-0.1, -0.4))),
    ),
    "boots": (
        Polygon("accent", ((-0.62, -0.9), (0.02, -0.9), (0.02, -0.66), (-0.62, -0.66))),
        Polygon(
            "body", ((-0.58, -0.75), (0.0, -0.75), (0.05, -0.1), (0.6, 0.12), (0.86, 0.42), (0.86, 0.62), (-0.66, 0.62))
        ),
        Polygon("dark", ((-0.7, 0.58), (0.9, 0.58), (0.9, 0.8), (0.1, 0.8), (0.0, 0.7), (-0.1, 0.8), (-0.7, 0.8))),
        Line("light", 0.035, ((-0.16, -0.5), (0.06, -0.58))),
        Line("light", 0.035, ((-0.14, -0.26), (0.1, -0.34))),
        Line("light", 0.035, ((-0.02, 0.0), (0.2, -0.14))),
        Line("light", 0.035, ((0.2, 0.14), (0.38, 0.0))),
    ),
    "jacket": (
        Polygon("accent", ((-0.25, -0.62), (-0.2, -0.95), (0.2, -0.95), (0.25, -0.62))),
        Polygon("body", ((-0.4, -0.66), (-0.95, 0.4), (-0.7, 0.56), (-0.35, 0.0))),
        Polygon("body", ((0.4, -0.66), (0.95, 0.4), (0.7, 0.56), (0.35, 0.0))),
        Polygon("body", ((-0.42, -0.68), (0.42, -0.68), (0.5, 0.85), (-0.5, 0.85))),
        Line("dark", 0.03, ((0.0, -0.66), (0.0, 0.84))),
        Box("accent", -0.25, 0.45, 0.15, 0.1, 0.02),
        Box("accent", 0.25, 0.45, 0.15, 0.1, 0.02),
    ),
    "helmet": (
        Line("dark", 0.045, ((-0.55, 0.2), (-0.2, 0.85), (0.15, 0.85), (0.45, 0.2))),
        Polygon(
            "body",
            (
                (-0.8, 0.25),
                (-0.76, -0.15),
                (-0.55, -0.5),
                (-0.2, -0.7),
                (0.2, -0.7),
                (0.52, -0.5),
                (0.72, -0.15),
                (0.76, 0.25),
            ),
        ),
        Polygon("accent", ((-0.85, 0.18), (0.8, 0.18), (0.98, 0.38), (-0.85, 0.34))),
        Line("dark", 0.05, ((-0.42, -0.3), (-0.3, -0.02))),
        Line("dark", 0.05, ((-0.02, -0.42), (-0.02, -0.1))),
        Line("dark", 0.05, ((0.36, -0.3), (0.28, -0.02))),
    ),
    "rucksack": (
        Line("dark", 0.07, ((-0.58, -0.4), (-0.75, 0.1), (-0.56, 0.6))),
        Line("dark", 0.07, ((0.58, -0.4), (0.75, 0.1), (0.56, 0.6))),
        Line("dark", 0.05, ((-0.14, -0.75), (-0.1, -0.95), (0.1, -0.95), (0.14, -0.75))),
        Box("body", 0.0, 0.12, 0.56, 0.72, 0.2),
        Box("accent", 0.0, -0.58, 0.5, 0.24, 0.14),
        Box("accent", 0.0, 0.46, 0.38, 0.26, 0.08),
        Line("light", 0.03, ((-0.3, 0.32), (0.3, 0.32))),
        Line("dark", 0.04, ((0.0, -0.42), (0.0, 0.0))),
    ),
    "tent": (
        Line("dark", 0.025, ((-0.6, -0.1), (-1.0, 0.72))),
        Line("dark", 0.025, ((0.6, -0.1), (1.0, 0.72))),
        Polygon("body", ((0.0, -0.78), (0.86, 0.68), (-0.86, 0.68))),
        Polygon("accent", ((0.0, -0.78), (0.3, 0.68), (-0.3, 0.68))),
        Polygon("dark", ((0.0, -0.2), (0.16, 0.68), (-0.16, 0.68))),
        Line("metal", 0.035, ((-0.08, -0.95), (0.0, -0.78), (0.08, -0.95))),
    ),
    "stove": (
        Line("metal", 0.05, ((-0.55, -0.55), (0.55, -0.55))),
        Line("metal", 0.05, ((-0.4, -0.5), (-0.1, -0.1), (0.1, -0.1), (0.4, -0.5))),
        Box("dark", 0.0, -0.12, 0.18, 0.12, 0.03),
        Line("accent", 0.05, ((0.1, 0.05), (0.5, 0.05))),
        Box("body", 0.0, 0.5, 0.55, 0.42, 0.2),
        Box("light", 0.0, 0.52, 0.54, 0.14, 0.0),
        Disc("accent", 0.0, 0.52, 0.1),
        Line("dark", 0.03, ((-0.45, 0.88), (0.45, 0.88))),
    ),
}
