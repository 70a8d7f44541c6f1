from loop.one import ONE

TWO = ONE + "two"
