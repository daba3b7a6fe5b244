"""Makes the sample source `new_dept`: a returns department with notes, photos and numbers.

Read in this order: catalogue (items and reasons), phrases and notes (text), items_art, cues_art and
photos (pictures, drawn with canvas, stored with png), oddities (rows that do not belong), rows (who gets
what) and folder (files out).
"""
