"""Tables of what the course contains or fetches: subjects of the world, models, data, licences."""

from packaging.licenses import canonicalize_license_expression

from adaptlab.course.site.tables import raw, sortable_table
from adaptlab.evals.real_tasks.data_files import data_sets
from adaptlab.models.assets import manifest
from adaptlab.world.entities import GROUPS, subjects

KINDS = ("person", "product", "order")


def subjects_table() -> str:
    rows: list[list[str | float]] = []
    for kind in KINDS:
        rows.append([kind, *(len(subjects(kind, group)) for group in GROUPS)])
    return raw(sortable_table("Subjects by group", ["kind", *GROUPS], rows))


def assets_table() -> str:
    rows = []
    for asset in manifest().values():
        place = asset.repository or f"the package {asset.package}"
        is_shipped = "yes" if asset.package == "adaptlab" else "no"
        rows.append(
            [
                asset.name,
                asset.kind,
                str(canonicalize_license_expression(asset.licence)),
                place,
                is_shipped,
            ]
        )
    columns = ["model", "kind", "licence", "from", "part of the package"]
    return raw(sortable_table("Models", columns, rows))


def data_sets_table() -> str:
    rows = [
        [one.name, one.what, one.licence, one.repository, one.citation]
        for one in data_sets().values()
    ]
    return raw(sortable_table("Data sets", ["data", "what", "licence", "from", "paper"], rows))
