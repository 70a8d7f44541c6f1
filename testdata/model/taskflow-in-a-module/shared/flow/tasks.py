from airflow.decorators import task


@task
def shout(text):
    return text.upper()


def quiet(text):
    return text.lower()


quietly = task(quiet)
loudly = task(task_id="very_loud")(quiet)
