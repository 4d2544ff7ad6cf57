"""Readers of the field's label files.

A reader is a class of one label format. Making it, with the paths and settings that its format needs, checks what is
cheap to check and raises `SourceError` where a file is missing, damaged or of another form. `len(reader)` is the
number of people and iterating gives each as a `Person`, the same ones in the same order each time, in memory that does
not grow with the number of people. Whether a picture is there and a label makes sense is not a reader's to say:
`data.prepare` looks at that, leaves the person out and counts why.

A preset of `conf/source/` makes a reader into a `data.prepare.LabelledSet`:

    _target_: maflab.data.prepare.LabelledSet
    set: h36m                    # the pack is <packs>/<set>/<split>.h5
    split: train
    labels: ${paths.raw}/h36m/h36m_mosh_train.npz      # file or folder
    images: ${paths.raw}/h36m                          # left out where `labels` is the folder of everything
    licence: ...
    reader:
      _target_: maflab.data.sources.spin.SpinLabels
      _partial_: true            # so that files are looked for when prepare runs, not when the config is made
      labels: ${source.labels}   # whatever the reader takes; further settings stand here too
      images: ${source.images}

The presets named after a set alone (h36m, coco, mpii, threedpw ...) are SPIN's label files; those of a set's own label
files end in what these are (coco_json, threedpw_sequences, mpi_inf_3dhp_mat ...) where both exist.
"""
