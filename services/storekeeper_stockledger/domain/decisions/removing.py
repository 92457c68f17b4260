"""Units leave by hand."""

from ..draft import Draft
from ..draws import draw
from ..operations import ClosePosition, RemoveStock, StockOrder
from ..places import Kind
from ..refusals import PositionInUse
from .checks import check_leaves, check_quantity, check_reason
from .drawing import take_available


def remove(operation: RemoveStock, draft: Draft) -> None:
    """Remove available units."""
    shelf = draft.stock.shelf(operation.source)
    check_quantity(operation.quantity, shelf)
    check_reason(operation.reason, draft.settings)
    check_leaves(shelf, draft.settings)
    draws = take_available(draft, shelf, operation, operation.quantity, allow_partial=operation.allow_partial)
    draft.draw(shelf, Kind.REMOVED, draws)


def close(operation: ClosePosition, draft: Draft) -> None:
    """Remove whatever is available at a position that is closed."""
    shelf = draft.stock.shelf(operation.source)
    totals = shelf.totals
    if totals.reserved or totals.picked or totals.on_order:
        raise PositionInUse(shelf.position_id)
    if not totals.available:
        return
    check_reason(operation.reason, draft.settings)
    check_leaves(shelf, draft.settings)
    # Serial-numbered units, too: which of them are meant is no question when all of them go.
    line = shelf.line(StockOrder.OLDEST_FIRST, with_expired=True)
    draft.draw(shelf, Kind.REMOVED, draw(line, totals.available))
