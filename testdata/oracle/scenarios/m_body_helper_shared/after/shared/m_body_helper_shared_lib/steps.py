from oraclelib import record


def do_work():
    record("work", 1)
