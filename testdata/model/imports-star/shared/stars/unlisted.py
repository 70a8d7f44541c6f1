C, _D = "unlisted_c", "hidden"
