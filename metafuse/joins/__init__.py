"""Several tables or streams aligned into one source: by key, time, place or meaning."""
