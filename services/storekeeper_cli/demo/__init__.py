"""``storekeeper demo``: oldest-first removal on a worked example, over gRPC.

mice.py      the example: what came when, and the calls to the ledger
stage.py     the ledger to play it on: the one that runs, or one that is started for it
pictures.py  what is shown of it
play.py      the example from its first line to its last
"""
