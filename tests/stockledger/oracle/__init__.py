"""The stock ledger against an oracle: a second ledger in plain Python, slow and obvious, that says what each answer must be.

    requests.py   what can be asked, with names for ids
    state.py      what a tenant has, as a value: the past is an older one
    terms.py      what is decided beside it: items, locations, settings
    attempt.py    one change on a copy of the state; its one primitive moves units
    rules.py      the rules of stock, one function for each change
    refusals.py   why not
    money.py      amounts, exact and rounded where they are posted
    valuing.py    what stock is worth
    oracle.py     all of these with a memory: repeats, batches, previews, the past

It is written from the contract alone, imports nothing but the standard library, and shares no code with the ledger.

    program.py    rounds of requests; smaller programs that fail alike
    chance.py     random programs, which the oracle's state keeps near to what is possible
    match.py      one program given to both; looking.py compares all that can be read, after and in between
    messages.py   between the oracle's words and the contract's messages
    backends.py   the ledger over gRPC; in_process.py: the ledger without a network
    playing.py    many programs; of one that fails the smallest

A failure names its program: `make test ARGS="tests/stockledger/oracle --seed <number>"` begins with it.
"""
