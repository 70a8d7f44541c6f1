def fetch():
    return {"uid": 1}
