import metafuse


def test_first(tiny_default, tickets, tmp_path):
    import time

    t = time.time()
    run = metafuse.adapt(tickets(), label_column="reason", out=tmp_path / "r")
    print(time.time() - t, run.summary())
    t = time.time()
    r2 = metafuse.load(tmp_path / "r")
    print(r2.predict(tickets(seed=1)).head(), time.time() - t)
    assert run.predict(tickets(seed=1)).equals(r2.predict(tickets(seed=1)))
