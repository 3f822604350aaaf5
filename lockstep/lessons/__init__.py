"""Lessons on the lifecycle of session, connection and SAs: questions that a reader answers by reaching a situation.

`lesson` says what a lesson is; `opening` to `repair` are the lessons, text and conditions side by side; `course` puts them in order.
`standing` judges a reader's path; `way` says whether the situation can still be reached from where it ended, and how; `mending` judges
the readings a reader chose in the last lesson. `answers` is what the page asks, `panel` what it shows; only that needs the extra ``web``.
What is asked, and what is answered, are conditions over the tables: nobody's opinion.
"""
