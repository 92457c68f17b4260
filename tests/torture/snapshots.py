"""What must hold of a ledger's rows in every instant, asked of a snapshot while it works: cheap, and again and again."""

from typing import Final

import psycopg

WRONG: Final = {
    "a position has other totals than its stocked items": """
        SELECT position_id FROM position p
          LEFT JOIN (SELECT tenant_id, position_id, sum(available) AS available, sum(reserved) AS reserved,
                            sum(picked) AS picked
                       FROM stocked_item GROUP BY 1, 2) s USING (tenant_id, position_id)
         WHERE (p.available, p.reserved, p.picked)
               <> (coalesce(s.available, 0), coalesce(s.reserved, 0), coalesce(s.picked, 0))
        """,
    "a position has other units on order than its order lines": """
        SELECT position_id FROM position p
         WHERE on_order <> (SELECT coalesce(sum(e.on_order), 0) FROM expectation e
                             WHERE (e.tenant_id, e.position_id) = (p.tenant_id, p.position_id))
        """,
    "a stocked item has other units promised than demands hold of it": """
        SELECT stocked_item_id FROM stocked_item s
          LEFT JOIN (SELECT tenant_id, stocked_item_id, sum(reserved) AS reserved, sum(picked) AS picked,
                            sum(delivered) AS delivered
                       FROM reservation GROUP BY 1, 2) r USING (tenant_id, stocked_item_id)
         WHERE (s.reserved, s.picked, s.delivered)
               <> (coalesce(r.reserved, 0), coalesce(r.picked, 0), coalesce(r.delivered, 0))
        """,
    "a position is otherwise than its last movement says": """
        SELECT p.position_id FROM position p
          CROSS JOIN LATERAL (SELECT * FROM movement m
                               WHERE (m.tenant_id, m.position_id) = (p.tenant_id, p.position_id)
                               ORDER BY m.movement_id DESC LIMIT 1) m
         WHERE (p.available, p.reserved, p.picked, p.on_order)
               <> (m.position_available_after, m.position_reserved_after, m.position_picked_after,
                   m.position_on_order_after)
        """,
    "the journal ends elsewhere than its head says": """
        SELECT tenant_id FROM journal_head h
         WHERE last_movement_id <> (SELECT coalesce(max(movement_id), 0) FROM movement m WHERE m.tenant_id = h.tenant_id)
            OR last_operation_id <> (SELECT coalesce(max(operation_id), 0) FROM operation o
                                      WHERE o.tenant_id = h.tenant_id)
        """,
}


def check_snapshot(connection: psycopg.Connection) -> None:
    """Fail unless all of it holds at this instant; the connection's transactions must be REPEATABLE READ."""
    with connection.transaction():
        for wrong, query in WRONG.items():
            rows = connection.execute(query.encode()).fetchall()
            assert not rows, f"{wrong}: {rows[:3]}"
