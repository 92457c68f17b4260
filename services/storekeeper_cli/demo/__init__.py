"""``storekeeper demo``: oldest-first removal on a worked example, over gRPC and over REST.

mice.py       the example: what came when, and the calls to the ledger
autotask.py   requests to the gateway
stage.py      the services to play it on: those that run, or some that are started for it
pictures.py   what is shown of it
over_grpc.py  its first half
over_rest.py  its second half
play.py       both, from the first line to the last
"""
