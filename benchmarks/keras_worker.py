"""Keras's cells for benchmarks/recurrent.py, in a process and an environment of their own.

Reads a line of JSON a request, answers with one: `{"cell": "LSTM", "inputs": 20, "hidden": 128,
"steps": 75, "batch": 32}` makes a network, `{"run": name}` trains it for a step and tells the
seconds. TensorFlow flushes denormal numbers in its own threads.
"""

from __future__ import annotations

import json
import os
import sys
import time

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}

import keras
import tensorflow as tf

LAYERS = {"LSTM": keras.layers.LSTM, "RNN": keras.layers.SimpleRNN}


def make(cell: str, inputs: int, hidden: int, steps: int, batch: int):
    """A compiled training step of a cell with Keras's own settings, as that of torch."""
    layer = LAYERS[cell](hidden, return_sequences=True)
    x = tf.random.normal((batch, steps, inputs))
    layer.build(x.shape)
    optimizer = keras.optimizers.Adam()
    optimizer.build(layer.trainable_variables)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(layer(x, training=True)))
        gradients = tape.gradient(loss, layer.trainable_variables)
        optimizer.apply(gradients, layer.trainable_variables)
        return loss

    return step


def main() -> None:
    """Answer until there are no more requests."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    made = {}
    # what TensorFlow prints must not be taken for an answer
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"keras": keras.__version__, "tensorflow": tf.__version__}
        if "run" in request:
            started = time.perf_counter()
            made[request["run"]]().numpy()
            answer = {"seconds": time.perf_counter() - started}
        elif "cell" in request:
            made = {name: step for name, step in made.items() if name != request["cell"]}
            made[request["cell"]] = make(**request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
