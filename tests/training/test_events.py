import tensorflow as tf

from tfvae.training.events import forget_after


def write(folder, points):
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, value in points:
            tf.summary.scalar("kl", value, step=step)
            tf.summary.scalar("loss", 2 * value, step=step)
    writer.close()
    (path,) = folder.iterdir()
    return path


def steps(path):
    events = map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    return [event.step for event in events if event.summary.value]


def test_events_after_a_step_are_cut_off_and_the_rest_stays_as_it_was(tmp_path):
    path = write(tmp_path, [(step, 0.5) for step in (10, 20, 30)])
    whole = path.read_bytes()
    forget_after(tmp_path, 30)
    assert path.read_bytes() == whole
    forget_after(tmp_path, 20)
    assert steps(path) == [10, 10, 20, 20]
    assert whole.startswith(path.read_bytes())
    forget_after(tmp_path, 5)
    assert steps(path) == []


def test_a_torn_record_is_cut_off(tmp_path):
    path = write(tmp_path, [(10, 0.5), (20, 0.25)])
    path.write_bytes(path.read_bytes()[:-5])
    forget_after(tmp_path, 20)
    assert steps(path) == [10, 10, 20]


def test_a_folder_without_event_files_is_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    forget_after(tmp_path, 0)
    forget_after(tmp_path / "absent", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
