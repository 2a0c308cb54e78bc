"""Does to a training what machines and people do, and compares how it ends with one that was left alone."""
