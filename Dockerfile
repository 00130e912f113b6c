# Dashboard and HTTP service in one process on a CPU: docker build -t resona . && docker run -p 8501:8501 resona
# The service alone: docker run -p 8000:8000 resona uvicorn --factory resona_core.serve.api:create_app --host 0.0.0.0
FROM python:3.11-slim

RUN useradd --create-home resona
WORKDIR /home/resona/app

# torch from PyTorch's CPU index, in the versions requirements.txt names: PyPI's would bring CUDA.
COPY requirements.txt .
RUN pip install --no-cache-dir $(grep -E '^torch(audio)?==' requirements.txt) \
        --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -r requirements.txt

COPY .streamlit .streamlit
COPY assets assets
COPY resona_core resona_core
COPY pages pages
COPY app.py hosting.py ./

USER resona
EXPOSE 8501
HEALTHCHECK --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen as u; u('http://127.0.0.1:8501/api/v1/health', timeout=5)"]
CMD ["streamlit", "run", "hosting.py", "--server.headless=true", \
    "--server.address=0.0.0.0", "--server.port=8501"]
