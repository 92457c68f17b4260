"""The ``storekeeper`` command: everything on one machine with ``up``, and the single steps of it one by one."""
