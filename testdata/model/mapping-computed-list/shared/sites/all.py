SITES = [site for site in ("a", "b", "c", "d") if site != "c"]
