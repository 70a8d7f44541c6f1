ARGS = {"retries": 3, "owner": "rows"}
