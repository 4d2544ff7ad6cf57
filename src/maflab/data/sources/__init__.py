"""Readers of the field's label files.

A reader is a class of one label format. It is made with `labels` (a file or folder), `images` (the folder that the
labels' picture names are relative to) and what else its format needs; making it reads and checks the files' shapes and
raises `SourceError` where a file is missing, damaged or of another form. `len(reader)` is the number of people and
iterating gives each as a `Person`, in an order that does not change, in memory that does not grow with the file.
Whether a picture is there and a label makes sense is not a reader's to say: `data.prepare` looks at that, leaves the
person out and counts why.

A preset of `conf/source/` makes a reader into a `data.prepare.LabelledSet`:

    _target_: maflab.data.prepare.LabelledSet
    set: h36m                    # the pack is <packs>/<set>/<split>.h5
    split: train
    labels: ${paths.raw}/h36m/h36m_mosh_train.npz
    images: ${paths.raw}/h36m
    licence: ...
    reader:
      _target_: maflab.data.sources.spin.SpinLabels
      _partial_: true            # called with labels and images; further settings of the reader stand here

The presets named after a set alone (h36m, coco, mpii, threedpw ...) are SPIN's label files; those of a set's own label
files end in what these are (coco_json, threedpw_sequences, mpi_inf_3dhp_mat ...) where both exist.
"""
