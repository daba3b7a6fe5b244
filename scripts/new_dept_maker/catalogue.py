"""The department's world: its items, its reasons for a return and its shops."""

from dataclasses import dataclass

from new_dept_maker.phrases import damage, electrics, orders

SEED = 20250611
N_LABELS_PER_REASON = 5


@dataclass(frozen=True)
class Item:
    """One article of the range.

    Attributes:
        key: Name of its drawing in `items_art`.
        names: What people call it; each works after "the" and takes "it".
        weight_kg: Weight when complete and dry.
        price: List price in euros.
    """

    key: str
    names: tuple[str, ...]
    weight_kg: float
    price: float


@dataclass(frozen=True)
class Reason:
    """Why rows come back.

    Attributes:
        key: Name of its drawing in `cues_art` and of its line in `small_talk.ALL_IS_WELL`.
        label: The class name a person reads.
        n_rows: How many ordinary rows have this reason.
        items: Keys of the items it happens to.
        phrases: Ways to say it.
        is_labelled: False for the two reasons nobody has labelled yet.
        weight_factor: What it does to the weight on the scales.
        months: Months it mostly happens in.
    """

    key: str
    label: str
    n_rows: int
    items: tuple[str, ...]
    phrases: tuple[str, ...]
    is_labelled: bool = True
    weight_factor: float = 1.0
    months: tuple[int, ...] = tuple(range(1, 13))


ITEMS = {
    item.key: item
    for item in (
        Item("drill", ("drill", "cordless drill", "impact driver"), 1.7, 129.0),
        Item("lantern", ("lantern", "camp light", "work light"), 0.6, 45.0),
        Item("gps", ("GPS handset", "navigation unit", "satnav"), 0.4, 219.0),
        Item("camera", ("trail camera", "action camera", "camera"), 0.4, 189.0),
        Item("radio", ("radio", "walkie-talkie", "two-way radio"), 0.35, 79.0),
        Item("speaker", ("speaker", "site speaker", "outdoor speaker"), 1.1, 99.0),
        Item("boots", ("boot set", "pair of boots", "hiking pair"), 1.3, 159.0),
        Item("jacket", ("jacket", "shell jacket", "parka"), 0.9, 175.0),
        Item("helmet", ("helmet", "climbing helmet", "hard hat"), 0.45, 69.0),
        Item("rucksack", ("rucksack", "backpack", "day pack"), 1.5, 119.0),
        Item("tent", ("tent", "two-man tent", "dome tent"), 2.2, 239.0),
        Item("stove", ("stove", "gas stove", "camp cooker"), 0.8, 59.0),
    )
}

_ALL = tuple(ITEMS)
_POWERED = ("drill", "lantern", "gps", "camera", "radio", "speaker")
_WORN = ("boots", "jacket", "helmet", "rucksack")

REASONS = (
    Reason("cracked_housing", "cracked housing", 58, (*_POWERED, "helmet", "stove"), damage.CRACKED_HOUSING),
    Reason("battery_does_not_charge", "battery does not charge", 72, _POWERED, electrics.BATTERY_DOES_NOT_CHARGE),
    Reason(
        "wrong_size_ordered",
        "wrong size ordered",
        66,
        (*_WORN, "tent", "stove", "lantern", "speaker"),
        orders.WRONG_SIZE_ORDERED,
    ),
    Reason("missing_parts", "missing parts", 54, _ALL, damage.MISSING_PARTS, weight_factor=0.75),
    Reason(
        "water_inside",
        "water inside",
        48,
        (*_POWERED[1:], "boots", "jacket", "rucksack", "tent"),
        damage.WATER_INSIDE,
        weight_factor=1.2,
    ),
    Reason(
        "screen_stays_dark", "screen stays dark", 44, ("gps", "camera", "radio", "speaker"), electrics.SCREEN_STAYS_DARK
    ),
    Reason("arrived_too_late", "arrived too late", 36, _ALL, orders.ARRIVED_TOO_LATE, months=(1, 5, 6, 7, 12)),
    Reason("wrong_colour_sent", "wrong colour sent", 40, _ALL, orders.WRONG_COLOUR_SENT),
    Reason("overheats", "overheats", 34, (*_POWERED, "stove"), electrics.OVERHEATS),
    Reason("no_longer_needed", "no longer needed", 45, _ALL, orders.NO_LONGER_NEEDED),
    Reason(
        "insects_inside",
        "insects inside",
        44,
        ("tent", "boots", "rucksack", "jacket", "speaker", "drill", "stove", "helmet", "lantern"),
        damage.INSECTS_INSIDE,
        is_labelled=False,
        months=(5, 6, 7, 8, 9),
    ),
    Reason(
        "app_does_not_pair",
        "app does not pair",
        46,
        (*_POWERED, "helmet"),
        electrics.APP_DOES_NOT_PAIR,
        is_labelled=False,
    ),
)

SHOPS = ("Harbour Street", "North Gate", "Old Mill", "Station Yard", "Lakeside", "Online")
