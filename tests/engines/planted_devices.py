"""Work in a process that sees two devices where the machine has one."""

import tensorflow as tf

import tfinvert as ti

IDS = ["a", "b", "c", "d"]


def start():
    """A `Start`."""
    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    return work


def inverted():
    generator = ti.load_generator()
    images = ti.images.load("glyphs", like=generator, limit=4).pixels
    return ti.Inverter(generator, solver=ti.Adam(steps=30), restarts=4), tf.constant(images), tf.constant(IDS)


def work(task, tell):
    return [{"placed": placed, "mirrored": mirrored}[order]() for order in task.items]


def placed():
    """By device: where the codes lie, and they."""
    inverter, images, ids = inverted()
    found = {}
    for device in ("CPU:0", "CPU:1"):
        with tf.device(device):
            codes = inverter(tf.identity(images), ids=ids).codes
        found[device] = codes.device, codes.numpy()
    return found


def mirrored():
    """The codes of one device, and of two with half the images each."""
    inverter, images, ids = inverted()
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

    def of_replica(context):
        first = 2 * context.replica_id_in_sync_group
        return images[first : first + 2], ids[first : first + 2]

    parts = strategy.experimental_distribute_values_from_function(lambda context: of_replica(context)[0])
    names = strategy.experimental_distribute_values_from_function(lambda context: of_replica(context)[1])
    whole = tf.function(lambda batch, each: inverter(batch, ids=each).codes, autograph=False)
    both = tf.function(lambda batch, each: strategy.run(whole, (batch, each)), autograph=False)(parts, names)
    return whole(images, ids).numpy(), tf.concat(strategy.experimental_local_results(both), 0).numpy()
