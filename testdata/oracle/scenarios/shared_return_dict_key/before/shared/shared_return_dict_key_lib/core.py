def fetch():
    return {"id": 1}
