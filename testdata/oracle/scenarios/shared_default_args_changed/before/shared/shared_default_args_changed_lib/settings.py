ARGS = {"retries": 2, "owner": "data"}
